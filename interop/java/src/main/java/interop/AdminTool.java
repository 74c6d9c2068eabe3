package interop;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Runs commands of the official mqadmin and compares what they print with recordings of the same release against an
 * Apache broker. Needs servers that nothing else has used yet: the recordings show a broker called broker-a of
 * DefaultCluster and list every topic.
 */
public final class AdminTool {
    /** Topics of the recording that later commands look at, beside the ones that recorded commands make. */
    private static final String COUNTED_TOPIC = "mqa0000_t1";

    private final Target target;
    private final Map<String, Recording> recordings = new LinkedHashMap<>();
    private final Path folder;
    private final PrintStream report = System.out;
    /** Offset ids of the messages of the counted topic, by number. */
    private final List<String> ids = new ArrayList<>();
    private int passed;
    private int failed;

    private AdminTool(Target target, Path folder) {
        this.target = target;
        this.folder = folder;
    }

    public static void main(String[] args) {
        Check.orEnd(() -> run(args));
    }

    private static void run(String[] args) throws Exception {
        int failures;
        try (Target target = new Target(args[0])) {
            AdminTool tool = new AdminTool(target, Paths.get(args[1]));
            tool.prepare();
            tool.replayAll();
            failures = tool.failed;
            tool.report.printf("%d passed, %d failed%n", tool.passed, tool.failed);
        }
        System.exit(failures == 0 ? 0 : 1);
    }

    /** Queues with four, three, two and one message, as in the recording. */
    private void prepare() throws Exception {
        try (Scope scope = new Scope(target, "mqadmin")) {
            target.createTopic(COUNTED_TOPIC, 4, 6);
            DefaultMQProducer producer = scope.producer();
            int number = 0;
            for (int queue = 0; queue < 4; queue++) {
                for (int i = 0; i < 4 - queue; i++) {
                    Message message = Scope.message(COUNTED_TOPIC, number % 2 == 0 ? "TagA" : "TagB",
                        "k" + number + " all", "hello " + number);
                    message.putUserProperty("colour", "red");
                    SendResult result = producer.send(message, scope.queue(COUNTED_TOPIC, queue));
                    ids.add(result.getOffsetMsgId());
                    number++;
                }
            }
        }
        Thread.sleep(500);
    }

    private void replayAll() throws Exception {
        replay("clusterList", "brokers");
        replay("clusterList", "one cluster");
        replay("clusterList", "unknown cluster");
        replay("clusterList", "totals");
        replay("updateTopic", "on one broker, defaults");
        replay("updateTopic", "on a cluster");
        replay("updateTopic", "ordered, unit flags, attributes");
        replay("updateTopic", "ordered on a cluster");
        replay("updateTopic", "unknown cluster");
        replay("updateTopic", "illegal name");
        replay("updateTopic", "system topic");
        replay("updateTopic", "bad attribute");
        replay("updateTopic", "bad number");
        replay("topicRoute", "as JSON");
        replay("topicRoute", "as list");
        replay("topicRoute", "no such topic");
        check("topicList/every topic", () -> compareTopicList());
        run(List.of("updateTopic", "-c", "DefaultCluster", "-t", "mqa0000_n2", "-r", "5", "-w", "5", "-n", target.namesrv));
        replay("topicRoute", "after updateTopicList");
        replay("topicStatus", "four queues");
        replay("topicStatus", "empty topic");
        replay("topicStatus", "through the cluster's route");
        replay("topicStatus", "no such topic");
        check("getBrokerConfig/keys", () -> compareConfigKeys());
        replay("getBrokerConfig", "unknown cluster");
        replay("queryMsgById", "offset id", ids.get(1));
        replay("queryMsgById", "with the body as text", ids.get(1));
        replay("queryMsgById", "two ids", ids.get(4), ids.get(9));
        replay("deleteTopic", "on a cluster");
        replay("topicRoute", "after deleteTopic");
        replay("deleteTopic", "no such topic");
        replay("deleteTopic", "system topic");
        replay("deleteTopic", "unknown cluster");
    }

    private void replay(String command, String label, String... messageIds) throws Exception {
        check(command + "/" + label, () -> {
            Recording.Case recorded = recording(command).find(label);
            Printed printed = run(recorded.arguments(target.namesrv, target.brokerAddr, messageIds));
            List<String> differences = recorded.compare(printed.out, printed.err, target.brokerAddr);
            Check.that(differences.isEmpty(), String.join("; ", differences));
        });
    }

    private Recording recording(String command) throws Exception {
        Recording recording = recordings.get(command);
        if (recording == null) {
            recording = Recording.read(folder.resolve(command + ".txt"));
            recordings.put(command, recording);
        }
        return recording;
    }

    private void check(String name, Check.Throwing body) {
        try {
            body.run();
            passed++;
            report.println("ok mqadmin " + name);
        } catch (Throwable thrown) {
            failed++;
            report.println("FAIL mqadmin " + name + " " + thrown.toString().replace('\n', ' '));
        }
    }

    /** One listing holds what the recording shows in two parts, its own topics and the system's. */
    private void compareTopicList() throws Exception {
        Set<String> seen = new TreeSet<>(run(List.of("topicList", "-n", target.namesrv)).out);
        Set<String> expected = new TreeSet<>(recording("topicList").find("system topics").out);
        expected.addAll(List.of(COUNTED_TOPIC, "mqa0000_n1", "mqa0000_n2", "mqa0000_n3"));
        Set<String> missing = new TreeSet<>(expected);
        missing.removeAll(seen);
        seen.removeAll(expected);
        Check.that(missing.isEmpty() && seen.isEmpty(), "missing " + missing + ", not expected " + seen);
    }

    private void compareConfigKeys() throws Exception {
        Set<String> expected = configKeys(recording("getBrokerConfig").find("of a broker").out);
        Set<String> seen = configKeys(run(List.of("getBrokerConfig", "-b", target.brokerAddr, "-n", target.namesrv)).out);
        Set<String> missing = new TreeSet<>(expected);
        missing.removeAll(seen);
        seen.removeAll(expected);
        Check.that(missing.isEmpty(), "missing " + missing + ", beyond the recording " + seen);
    }

    private static Set<String> configKeys(List<String> lines) {
        Set<String> keys = new TreeSet<>();
        for (String line : lines) {
            int sign = line.indexOf(" = ");
            if (sign > 0) {
                keys.add(line.substring(0, sign).trim());
            }
        }
        return keys;
    }

    private static final class Printed {
        final List<String> out;
        final List<String> err;

        Printed(String out, String err) {
            this.out = List.of(out.split("\n"));
            this.err = List.of(err.split("\n"));
        }
    }

    /** The tool's own entry point, in this process so that a command costs no start of a machine. */
    private static Printed run(List<String> arguments) {
        PrintStream screen = System.out;
        PrintStream errors = System.err;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            MQAdminStartup.main0(arguments.toArray(new String[0]), null);
        } finally {
            System.setOut(screen);
            System.setErr(errors);
        }
        return new Printed(out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
