package interop;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * One life of a broker on a directory that another make of broker had before. Everything that clients were promised in
 * earlier lives is looked for, then more is sent, and a group goes on consuming where it stopped.
 *
 * <pre>Takeover NAMESRV DIR LIFE MAKE kill|clean</pre>
 *
 * DIR keeps what the lives tell each other: acknowledgements, topics, what groups had committed.
 */
public final class Takeover {
    private static final String TOPIC = "takeover";
    private static final String DELAYED = "takeover_delayed";
    private static final String HALF = "takeover_half";
    private static final String GROUP = "takeover_group";
    private static final int QUEUES = 4;
    private static final int PLAIN = 400;
    private static final int BATCHES = 20;
    private static final int BATCH = 10;
    private static final int DELIVERED = 10;
    private static final int PENDING = 5;
    private static final int HALVES = 6;
    private static final int LOOKED_UP = 40;
    private static final int LEFT = 20;
    private static final int LEVEL_10_SECONDS = 3;
    private static final int LEVEL_2_HOURS = 18;

    private final Target target;
    private final Path folder;
    private final String life;
    private final boolean isApache;
    private final boolean keysMayBeLost;
    private final boolean isKilled;
    private int passed;
    private int failed;

    private Takeover(Target target, String[] args) {
        this.target = target;
        folder = Paths.get(args[1]);
        life = args[2];
        isApache = args[3].equals("apache");
        // After a kill Apache throws its newest index file away.
        isKilled = args[4].equals("kill");
        keysMayBeLost = isApache && isKilled;
    }

    public static void main(String[] args) {
        Check.orEnd(() -> {
            try (Target target = new Target(args[0])) {
                Takeover takeover = new Takeover(target, args);
                takeover.run();
                System.out.printf("%d passed, %d failed%n", takeover.passed, takeover.failed);
                System.exit(takeover.failed == 0 ? 0 : 1);
            }
        });
    }

    private void run() throws Exception {
        if (Files.exists(folder.resolve("acknowledged"))) {
            try (Scope scope = new Scope(target, "takeover")) {
                DefaultMQPullConsumer reader = scope.pull();
                check("messages at their offsets", () -> messages(scope, reader));
                check("pending delayed and half messages", () -> waiting(scope, reader));
                check("messages by key and by id", this::lookUp);
                check("delayed messages of the life before", () -> delivered(reader, scope));
                check("topics and group offsets", this::tables);
            }
        } else {
            target.createTopic(TOPIC, QUEUES, 6);
            target.createTopic(DELAYED, 1, 6);
            target.createTopic(HALF, 1, 6);
        }
        check("messages sent", this::send);
        check("consumed where the group had stopped", this::consume);
        note("topics", topics());
        note("offsets", offsets());
        check("offsets on the disk", this::offsetsWritten);
        check("delayed messages left", this::leave);
    }

    // --- what was promised before

    private String messages(Scope scope, DefaultMQPullConsumer reader) throws Exception {
        Map<String, MessageExt> stored = new TreeMap<>();
        for (String topic : List.of(TOPIC, DELAYED)) {
            int queues = topic.equals(TOPIC) ? QUEUES : 1;
            for (int queue = 0; queue < queues; queue++) {
                List<MessageExt> read = Scope.readQueue(reader, scope.queue(topic, queue));
                for (int i = 0; i < read.size(); i++) {
                    Check.equal((long) i, read.get(i).getQueueOffset(), "offset in " + topic + " " + queue);
                    stored.put(topic + " " + queue + " " + i, read.get(i));
                }
            }
        }
        List<String> lines = Files.readAllLines(folder.resolve("acknowledged"));
        for (String line : lines) {
            String[] fields = line.split(" ");
            MessageExt message = stored.get(fields[0] + " " + fields[1] + " " + fields[2]);
            Check.that(message != null, "lost: " + line);
            Check.equal(fields[3], message.getMsgId(), "message of " + line);
            Check.equal(fields[5], message.getKeys(), "keys of " + line);
            Check.equal(body(fields[5]), Scope.text(message), "body of " + line);
        }
        return lines.size() + " acknowledged, " + stored.size() + " stored";
    }

    private String waiting(Scope scope, DefaultMQPullConsumer reader) throws Exception {
        List<MessageExt> delayed = Scope.readQueue(reader, scope.queue("SCHEDULE_TOPIC_XXXX", LEVEL_2_HOURS - 1));
        List<MessageExt> half = Scope.readQueue(reader, scope.queue("RMQ_SYS_TRANS_HALF_TOPIC", 0));
        Check.equal(PENDING, delayed.size(), "pending delayed messages");
        // A check puts a half message back once more.
        Set<String> halves = new HashSet<>();
        half.forEach(message -> halves.add(message.getMsgId()));
        Check.equal(HALVES, halves.size(), "half messages");
        for (MessageExt message : delayed) {
            Check.equal(DELAYED, message.getProperty("REAL_TOPIC"), "topic of a pending message");
        }
        for (MessageExt message : half) {
            Check.equal(HALF, message.getProperty("REAL_TOPIC"), "topic of a half message");
        }
        return delayed.size() + " and " + halves.size();
    }

    private String lookUp() throws Exception {
        List<String> lines = new ArrayList<>(Files.readAllLines(folder.resolve("acknowledged")));
        Collections.shuffle(lines, new java.util.Random(1));
        int byKey = 0;
        for (String line : lines.subList(0, Math.min(LOOKED_UP, lines.size()))) {
            String[] fields = line.split(" ");
            MessageExt message = target.admin.viewMessage(fields[0], fields[4]);
            Check.equal(body(fields[5]), Scope.text(message), "body by id of " + line);
            if (!keysMayBeLost) {
                List<MessageExt> found = target.admin.queryMessage(fields[0], fields[5], 32, 0, Long.MAX_VALUE)
                    .getMessageList();
                Check.equal(1, found.size(), "messages with key " + fields[5]);
                byKey++;
            }
        }
        return byKey + " by key, " + LOOKED_UP + " by id";
    }

    private String tables() throws Exception {
        List<String> before = Files.readAllLines(folder.resolve("topics"));
        List<String> now = topics();
        for (String topic : before) {
            Check.that(now.contains(topic), topic + " is gone");
        }
        List<String> committed = Files.readAllLines(folder.resolve("offsets"));
        Check.equal(committed, offsets(), "committed offsets");
        return before.size() + " topics, " + committed.size() + " offsets";
    }

    /** What the broker before was not given the time to deliver comes from this one, when it is due and once. */
    private String delivered(DefaultMQPullConsumer reader, Scope scope) throws Exception {
        List<String> left = Files.readAllLines(folder.resolve("left"));
        List<String> found = new ArrayList<>();
        Check.within(60, "delayed messages", () -> {
            found.clear();
            for (MessageExt message : Scope.readQueue(reader, scope.queue(DELAYED, 0))) {
                if (left.contains(message.getKeys())) {
                    found.add(message.getKeys());
                    long tookMs = message.getStoreTimestamp() - message.getBornTimestamp();
                    Check.that(tookMs >= 10_000, message.getKeys() + " came after " + tookMs + " ms");
                }
            }
            return found.containsAll(left);
        });
        // A kill may come between a delivery and the note of it.
        Check.that(isKilled || found.equals(left), "delivered otherwise than once and in order: " + found);
        return found.size() + " of " + left.size();
    }

    // --- more of everything

    private String send() throws Exception {
        List<String> acknowledged = new ArrayList<>();
        try (Scope scope = new Scope(target, "takeover_send")) {
            DefaultMQProducer producer = scope.producer();
            for (int i = 0; i < PLAIN; i++) {
                String key = life + "-plain-" + i;
                note(acknowledged, TOPIC, List.of(key), producer.send(message(TOPIC, key, i % 2 == 0 ? "TagA" : "")));
            }
            for (int i = 0; i < BATCHES; i++) {
                List<Message> batch = new ArrayList<>();
                List<String> keys = new ArrayList<>();
                for (int j = 0; j < BATCH; j++) {
                    keys.add(life + "-batch-" + i + "-" + j);
                    batch.add(message(TOPIC, keys.get(j), "TagB"));
                }
                note(acknowledged, TOPIC, keys, producer.send(batch));
            }
            // Ours has no transactions yet.
            if (isApache && life.equals("1")) {
                sendDelayed(producer, acknowledged);
                sendHalf();
            }
        }
        try (PrintWriter log = new PrintWriter(Files.newBufferedWriter(folder.resolve("acknowledged"),
            StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
            acknowledged.forEach(log::println);
        }
        return acknowledged.size() + " acknowledged";
    }

    private void sendDelayed(DefaultMQProducer producer, List<String> acknowledged) throws Exception {
        for (int i = 0; i < DELIVERED + PENDING; i++) {
            Message message = message(DELAYED, life + "-delayed-" + i, "TagA");
            message.setDelayTimeLevel(i < DELIVERED ? 1 : LEVEL_2_HOURS);
            Check.equal(SendStatus.SEND_OK, producer.send(message).getSendStatus(), "delayed send");
        }
        try (Scope scope = new Scope(target, "takeover_delayed")) {
            for (MessageExt message : Scope.readTopic(scope.pull(), DELAYED, DELIVERED)) {
                acknowledged.add(String.join(" ", DELAYED, "0", String.valueOf(message.getQueueOffset()),
                    message.getMsgId(), ((org.apache.rocketmq.common.message.MessageClientExt) message).getOffsetMsgId(),
                    message.getKeys()));
            }
        }
    }

    /** Sent last, so that this life does not see them due. */
    private String leave() throws Exception {
        List<String> keys = new ArrayList<>();
        try (Scope scope = new Scope(target, "takeover_leave")) {
            DefaultMQProducer producer = scope.producer();
            for (int i = 0; i < LEFT; i++) {
                keys.add(life + "-left-" + i);
                Message message = message(DELAYED, keys.get(i), "TagA");
                message.setDelayTimeLevel(LEVEL_10_SECONDS);
                Check.equal(SendStatus.SEND_OK, producer.send(message).getSendStatus(), "delayed send");
            }
        }
        note("left", keys);
        return keys.size() + " due in 10 s";
    }

    private void sendHalf() throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer("takeover_half_group");
        producer.setNamesrvAddr(target.namesrv);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.UNKNOW;
            }
        });
        producer.start();
        for (int i = 0; i < HALVES; i++) {
            producer.sendMessageInTransaction(message(HALF, life + "-half-" + i, "TagA"), null);
        }
        producer.shutdown();
    }

    /** The group gets what was sent in this life and nothing else: offsets of earlier lives hold. */
    private String consume() throws Exception {
        Set<String> wanted = new HashSet<>();
        for (String line : Files.readAllLines(folder.resolve("acknowledged"))) {
            String[] fields = line.split(" ");
            if (fields[0].equals(TOPIC) && fields[5].startsWith(life + "-")) {
                wanted.add(fields[5]);
            }
        }
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        try (Scope scope = new Scope(target, "takeover_consume")) {
            DefaultMQPushConsumer consumer = scope.push(GROUP);
            consumer.subscribe(TOPIC, "*");
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                messages.forEach(message -> seen.add(message.getKeys()));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
            Check.within(30, "all messages of this life", () -> seen.size() >= wanted.size());
            // What comes a second time would come now.
            Thread.sleep(500);
        }
        Check.equal(wanted.size(), seen.size(), "messages consumed");
        Check.that(wanted.equals(new HashSet<>(seen)), "other messages were consumed");
        return seen.size() + " messages";
    }

    /** What a kill is to leave behind: Apache writes offsets for the first time ten seconds after its start. */
    private String offsetsWritten() throws Exception {
        Path table = folder.resolve("broker/store/config/consumerOffset.json");
        List<String> committed = Files.readAllLines(folder.resolve("offsets"));
        Pattern ofGroup = Pattern.compile("\"" + TOPIC + "@" + GROUP + "\"\\s*:\\s*\\{([^}]*)}");
        Check.within(30, "the offsets of the group are in " + table, () -> {
            List<String> written = new ArrayList<>();
            Matcher found = ofGroup.matcher(Files.exists(table) ? Files.readString(table) : "");
            if (found.find()) {
                for (String entry : found.group(1).split(",")) {
                    written.add(entry.replaceAll("[\"\\s]", "").replace(':', ' '));
                }
            }
            Collections.sort(written);
            return written.equals(committed);
        });
        return committed.size() + " offsets";
    }

    // --- what the lives tell each other

    private List<String> topics() throws Exception {
        List<String> topics = new ArrayList<>();
        for (String topic : target.admin.fetchAllTopicList().getTopicList()) {
            if (topic.contains("takeover") || topic.startsWith("RMQ_SYS_TRANS") || topic.startsWith("SCHEDULE")) {
                topics.add(topic);
            }
        }
        Collections.sort(topics);
        return topics;
    }

    private List<String> offsets() throws Exception {
        List<String> lines = new ArrayList<>();
        target.admin.examineConsumeStats(GROUP, TOPIC).getOffsetTable().forEach((queue, offsets) ->
            lines.add(queue.getQueueId() + " " + offsets.getConsumerOffset()));
        Collections.sort(lines);
        return lines;
    }

    private void note(String file, List<String> lines) throws Exception {
        Files.write(folder.resolve(file), lines);
    }

    private static void note(List<String> acknowledged, String topic, List<String> keys, SendResult result) {
        Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "send");
        String[] ids = result.getMsgId().split(",");
        String[] places = result.getOffsetMsgId().split(",");
        for (int i = 0; i < keys.size(); i++) {
            acknowledged.add(String.join(" ", topic, String.valueOf(result.getMessageQueue().getQueueId()),
                String.valueOf(result.getQueueOffset() + i), ids[i], places[i], keys.get(i)));
        }
    }

    private static Message message(String topic, String key, String tags) {
        return new Message(topic, tags, key, body(key).getBytes(StandardCharsets.UTF_8));
    }

    private static String body(String key) {
        return (key + "/").repeat(20 + Math.floorMod(key.hashCode(), 200));
    }

    private interface Checked {
        String run() throws Throwable;
    }

    private void check(String what, Checked body) {
        try {
            System.out.println("ok life " + life + ": " + what + ": " + body.run());
            passed++;
        } catch (Throwable thrown) {
            failed++;
            thrown.printStackTrace();
            System.out.println("FAIL life " + life + ": " + what + ": " + thrown);
        }
    }
}
