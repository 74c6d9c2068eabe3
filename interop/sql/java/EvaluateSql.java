import java.io.BufferedWriter;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.FilterSpi;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;

/**
 * Says what Apache's own filter classes make of SQL92 expressions and messages.
 *
 * <pre>EvaluateSql FILE [--why]</pre>
 *
 * A line of FILE is an outcome (not read), the properties of a message ({@code name=value;name=value}) and an
 * expression, between tabs; a backslash escapes {@code t n r f ; =} and itself, and {@code uXXXX}. Lines that are empty
 * or begin with {@code #} are kept. Prints every line with the outcome in its place: {@code true}, {@code false},
 * {@code null}, {@code throws} when evaluating fails, {@code refused} when compiling does; {@code --why} adds Java's
 * reason in a fourth column.
 */
public final class EvaluateSql {
    private static final int DEEPEST_FRAMES_BYTES = 64 << 20;

    private EvaluateSql() {
    }

    public static void main(String[] args) throws Exception {
        boolean why = args.length > 1 && args[1].equals("--why");
        Throwable[] failed = new Throwable[1];
        // A stack that nesting does not exhaust, so that outcomes do not depend on the machine.
        Thread reader = new Thread(null, () -> {
            try {
                run(Path.of(args[0]), why);
            } catch (Throwable problem) {
                failed[0] = problem;
            }
        }, "evaluate", DEEPEST_FRAMES_BYTES);
        reader.start();
        reader.join();
        if (failed[0] != null) {
            failed[0].printStackTrace();
            System.exit(1);
        }
    }

    private static void run(Path file, boolean why) throws Exception {
        try (PrintWriter out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8)))) {
            for (String line : Files.readString(file).split("\n", -1)) {
                if (line.isEmpty() || line.startsWith("#")) {
                    if (!line.isEmpty()) {
                        out.println(line);
                    }
                    continue;
                }
                String[] columns = line.split("\t", -1);
                String[] outcome = outcome(unescaped(columns[2]), properties(columns[1]));
                out.println(outcome[0] + "\t" + columns[1] + "\t" + columns[2] + (why ? "\t" + outcome[1] : ""));
            }
        }
    }

    /** The outcome, and the reason when there is one. */
    private static String[] outcome(String expression, Map<String, String> properties) {
        FilterSpi filter = FilterFactory.INSTANCE.get("SQL92");
        Expression compiled;
        try {
            compiled = filter.compile(expression);
        } catch (Throwable refused) {
            return new String[] {"refused", String.valueOf(refused.getMessage()).replaceAll("\\s+", " ")};
        }
        try {
            Object result = compiled.evaluate(new Message(properties));
            boolean known = result == null || result instanceof Boolean;
            return new String[] {known ? String.valueOf(result) : "other", String.valueOf(result)};
        } catch (Throwable thrown) {
            return new String[] {"throws", String.valueOf(thrown).replaceAll("\\s+", " ")};
        }
    }

    private static Map<String, String> properties(String column) {
        Map<String, String> properties = new HashMap<>();
        for (String pair : column.split("(?<!\\\\);")) {
            int end = pair.indexOf('=');
            if (end > 0) {
                properties.put(pair.substring(0, end), unescaped(pair.substring(end + 1)));
            }
        }
        return properties;
    }

    private static String unescaped(String text) {
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char letter = text.charAt(i);
            if (letter != '\\') {
                plain.append(letter);
                continue;
            }
            letter = text.charAt(++i);
            switch (letter) {
                case 't': plain.append('\t'); break;
                case 'n': plain.append('\n'); break;
                case 'r': plain.append('\r'); break;
                case 'f': plain.append('\f'); break;
                case 'u':
                    plain.append((char) Integer.parseInt(text.substring(i + 1, i + 5), 16));
                    i += 4;
                    break;
                default: plain.append(letter);
            }
        }
        return plain.toString();
    }

    /** What an expression sees of a message (as {@code MessageEvaluationContext} of the broker shows it). */
    private static final class Message implements EvaluationContext {
        private final Map<String, String> properties;

        Message(Map<String, String> properties) {
            this.properties = properties;
        }

        @Override
        public Object get(String name) {
            return properties.get(name);
        }

        @Override
        public Map<String, Object> keyValues() {
            return new HashMap<>(properties);
        }
    }
}
