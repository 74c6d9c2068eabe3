package interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Recorded commands: "# label", "$ mqadmin arguments", the output, "--- stderr", "--- exit". Placeholders stand for what
 * differs from run to run. Lines may come in another order, since some follow Java's hash order.
 */
final class Recording {
    private static final Pattern PLACEHOLDER = Pattern.compile(
        "<of the moment>|<value>|<path>|<n>|<offset>|<epochmillis>|<MSGID-*>|<BROKER>|<CLIENT>|yyyy-MM-dd HH:mm:ss,SSS");

    /** Printed without an end of line where the recording has the lines of its groups. */
    private static final String NO_CONSUMER = "WARN: No Consumer";

    private final Map<String, Case> cases = new LinkedHashMap<>();

    static final class Case {
        String command;
        final List<String> out = new ArrayList<>();
        final List<String> err = new ArrayList<>();

        List<String> arguments(String namesrv, String broker, String... messageIds) {
            Iterator<String> ids = List.of(messageIds).iterator();
            String line = Pattern.compile("<MSGID-*>").matcher(command).replaceAll(any -> ids.next())
                .replace("<NAMESRV>", namesrv).replace("<BROKER>", broker);
            List<String> arguments = new ArrayList<>();
            Matcher word = Pattern.compile("'([^']*)'|(\\S+)").matcher(line);
            while (word.find()) {
                arguments.add(word.group(1) != null ? word.group(1) : word.group(2));
            }
            return arguments;
        }

        /** What was recorded and is missing, and what was printed beyond it; empty if both agree. */
        List<String> compare(List<String> printedOut, List<String> printedErr, String broker) {
            List<String> differences = new ArrayList<>();
            List<String> left = new ArrayList<>();
            for (String line : printedOut) {
                String kept = line.replace(NO_CONSUMER, "");
                if (counts(kept)) {
                    left.add(squeeze(kept));
                }
            }
            for (String expected : out) {
                if (counts(expected) && !takeMatch(left, expected, broker)) {
                    differences.add("missing <" + squeeze(expected) + ">");
                }
            }
            left.forEach(line -> differences.add("not recorded <" + line + ">"));
            List<String> errors = new ArrayList<>();
            printedErr.forEach(line -> errors.add(squeeze(line)));
            for (String expected : err) {
                if (!takeMatch(errors, expected, broker)) {
                    differences.add("missing on stderr <" + squeeze(expected) + ">");
                }
            }
            return differences;
        }

        /** Consumer groups of the recording do not exist here: their lines are left out. */
        private static boolean counts(String line) {
            return !line.isBlank() && !line.startsWith("MessageTrack ") && !line.startsWith("\\ no newline");
        }

        private static boolean takeMatch(List<String> lines, String expected, String broker) {
            Pattern pattern = pattern(expected, broker);
            for (Iterator<String> i = lines.iterator(); i.hasNext();) {
                if (pattern.matcher(i.next()).matches()) {
                    i.remove();
                    return true;
                }
            }
            return false;
        }
    }

    Case find(String label) {
        Case found = cases.get(label);
        if (found == null) {
            throw new IllegalArgumentException("no recorded case " + label);
        }
        return found;
    }

    static Recording read(Path file) throws IOException {
        Recording recording = new Recording();
        Case current = null;
        List<String> lines = null;
        for (String line : Files.readAllLines(file)) {
            if (line.startsWith("# ") && lines == null) {
                current = new Case();
                recording.cases.put(line.substring(2), current);
            } else if (line.startsWith("$ mqadmin ")) {
                current.command = line.substring("$ mqadmin ".length());
                lines = current.out;
            } else if (line.equals("--- stderr")) {
                lines = current.err;
            } else if (line.startsWith("--- exit")) {
                lines = null;
            } else if (lines != null) {
                lines.add(line);
            }
        }
        return recording;
    }

    private static Pattern pattern(String recorded, String broker) {
        String line = squeeze(recorded);
        StringBuilder regex = new StringBuilder();
        Matcher placeholder = PLACEHOLDER.matcher(line);
        int at = 0;
        while (placeholder.find()) {
            regex.append(Pattern.quote(line.substring(at, placeholder.start())));
            regex.append(meaning(placeholder.group(), broker));
            at = placeholder.end();
        }
        return Pattern.compile(regex.append(Pattern.quote(line.substring(at))).toString());
    }

    private static String meaning(String placeholder, String broker) {
        switch (placeholder) {
            case "<of the moment>": return ".*";
            case "<value>": return ".*";
            case "<path>": return ".*";
            case "<n>": return "-?\\d+";
            case "<offset>": return "\\d+";
            case "<epochmillis>": return "\\d{13}";
            case "<BROKER>": return Pattern.quote(broker);
            case "<CLIENT>": return "\\d+\\.\\d+\\.\\d+\\.\\d+:\\d+";
            case "yyyy-MM-dd HH:mm:ss,SSS": return "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d,\\d{3}";
            // 32 digits from a client with an IPv4 address, 56 with an IPv6 one.
            default: return "[0-9A-F]{32,56}";
        }
    }

    /** Column widths are the tool's own business, and the order of properties is that of a hash map. */
    private static String squeeze(String line) {
        String squeezed = line.trim().replaceAll("\\s+", " ");
        if (!squeezed.startsWith("Properties: {")) {
            return squeezed;
        }
        String[] properties = squeezed.substring("Properties: {".length(), squeezed.length() - 1).split(", ");
        Arrays.sort(properties);
        return "Properties: {" + String.join(", ", properties) + "}";
    }
}
