package interop;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;

/**
 * Text that is equal for bodies that mean the same: members and elements sorted, integer keys quoted. Takes JSON as the
 * releases print it; what is no JSON stays as it is.
 */
final class CanonicalJson {
    private final String text;
    private int at;

    private CanonicalJson(String text) {
        this.text = text;
    }

    static String of(String text) {
        return text.startsWith("{") ? new CanonicalJson(text).value() : text;
    }

    private String value() {
        switch (text.charAt(at)) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            default:
                return bare();
        }
    }

    private String object() {
        TreeMap<String, String> members = new TreeMap<>();
        for (at++; text.charAt(at) != '}'; at += text.charAt(at) == ',' ? 1 : 0) {
            String name = text.charAt(at) == '"' ? string() : '"' + bare() + '"';
            at++;
            members.put(name, value());
        }
        at++;
        return members.toString();
    }

    private String array() {
        List<String> elements = new ArrayList<>();
        for (at++; text.charAt(at) != ']'; at += text.charAt(at) == ',' ? 1 : 0) {
            elements.add(value());
        }
        at++;
        Collections.sort(elements);
        return elements.toString();
    }

    private String string() {
        int from = at++;
        while (text.charAt(at) != '"') {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        at++;
        return text.substring(from, at);
    }

    private String bare() {
        int from = at;
        while (",:}]".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        return text.substring(from, at);
    }
}
