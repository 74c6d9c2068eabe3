package interop;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * The two halves of the kill test. {@code produce} sends from two producers, each with several threads that send one
 * message after another, and notes every acknowledgement; {@code check} reads the topic and looks for what was noted.
 * A send is tried once, so that a key can be stored once at most.
 */
public final class Kill9 {
    private static final String TOPIC = "kill9";
    private static final int QUEUES = 4;
    private static final int PRODUCERS = 2;
    private static final int THREADS = 6;
    private static final int BODY_BYTES = 512;

    private Kill9() {
    }

    public static void main(String[] args) {
        Check.orEnd(() -> run(args));
    }

    private static void run(String[] args) throws Exception {
        Path folder = Paths.get(args[2]);
        try (Target target = new Target(args[1])) {
            if (args[0].equals("produce")) {
                produce(target, folder);
            } else {
                System.exit(check(target, folder) ? 0 : 1);
            }
        }
        System.exit(0);
    }

    private static void produce(Target target, Path folder) throws Exception {
        target.createTopic(TOPIC, QUEUES, 6);
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < PRODUCERS; number++) {
            DefaultMQProducer producer = new DefaultMQProducer("kill9_producer_" + number);
            producer.setNamesrvAddr(target.namesrv);
            producer.setInstanceName("kill9_" + number);
            producer.setRetryTimesWhenSendFailed(0);
            producer.setSendMsgTimeout(2_000);
            producer.setPollNameServerInterval(1_000);
            producer.start();
            for (int thread = 0; thread < THREADS; thread++) {
                String name = number + "-" + thread;
                threads.add(new Thread(() -> sendUntilStopped(producer, folder, name)));
            }
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static void sendUntilStopped(DefaultMQProducer producer, Path folder, String sender) {
        Path stop = folder.resolve("stop");
        Path refused = folder.resolve("refused-" + sender);
        try (PrintWriter log = new PrintWriter(Files.newBufferedWriter(folder.resolve("acknowledged-" + sender)), true)) {
            for (long sequence = 0; !Files.exists(stop); sequence++) {
                String key = sender + ":" + sequence;
                try {
                    SendResult result = producer.send(new Message(TOPIC, "", key, body(key)));
                    if (result.getSendStatus() == SendStatus.SEND_OK) {
                        log.println(result.getMsgId() + " " + result.getMessageQueue().getQueueId() + " "
                            + result.getQueueOffset() + " " + key);
                    }
                } catch (Exception unacknowledged) {
                    note(refused, unacknowledged);
                    Thread.sleep(20);
                }
            }
        } catch (Exception broken) {
            throw new IllegalStateException(broken);
        }
    }

    /** Code and remark of the latest refusal; the client wraps those that it would have tried again. */
    private static void note(Path file, Exception unacknowledged) throws IOException {
        Throwable cause = unacknowledged instanceof MQClientException ? unacknowledged.getCause() : unacknowledged;
        if (cause instanceof MQBrokerException) {
            MQBrokerException refusal = (MQBrokerException) cause;
            String line = refusal.getResponseCode() + " " + refusal.getErrorMessage() + "\n";
            Files.write(file, line.getBytes(StandardCharsets.UTF_8));
        }
    }

    private static byte[] body(String key) {
        byte[] body = new byte[BODY_BYTES];
        Arrays.fill(body, (byte) key.hashCode());
        return body;
    }

    private static boolean check(Target target, Path folder) throws Exception {
        Report report = new Report();
        Map<String, MessageExt> stored = new HashMap<>();
        List<List<MessageExt>> queues = new ArrayList<>();
        try (Scope scope = new Scope(target, "kill9")) {
            DefaultMQPullConsumer reader = scope.pull();
            for (int queue = 0; queue < QUEUES; queue++) {
                queues.add(Scope.readQueue(reader, scope.queue(TOPIC, queue)));
            }
        }
        report.check("no-gap-in-a-queue", () -> queues.forEach(Kill9::checkOffsets));
        report.check("no-key-twice", () -> {
            for (List<MessageExt> queue : queues) {
                for (MessageExt message : queue) {
                    MessageExt before = stored.put(message.getKeys(), message);
                    Check.that(before == null, message.getKeys() + " at " + message.getQueueOffset() + " is there twice");
                }
            }
        });
        report.check("every-acknowledged-message-at-its-offset", () -> checkAcknowledged(folder, stored));
        report.check("bodies-intact", () -> stored.forEach((key, message) ->
            Check.that(Arrays.equals(body(key), message.getBody()), "body of " + key)));
        report.check("order-of-each-sender", () -> queues.forEach(Kill9::checkOrder));
        System.out.println(stored.size() + " messages stored");
        System.out.printf("%d passed, %d failed%n", report.passed, report.failed);
        return report.failed == 0;
    }

    private static void checkOffsets(List<MessageExt> queue) {
        for (int i = 0; i < queue.size(); i++) {
            Check.equal((long) i, queue.get(i).getQueueOffset(), "offset in queue " + queue.get(i).getQueueId());
        }
    }

    private static void checkAcknowledged(Path folder, Map<String, MessageExt> stored) throws Exception {
        List<Path> logs = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            files.filter(file -> file.getFileName().toString().startsWith("acknowledged-")).forEach(logs::add);
        }
        long count = 0;
        for (Path log : logs) {
            for (String line : Files.readAllLines(log)) {
                String[] fields = line.split(" ");
                MessageExt message = stored.get(fields[3]);
                Check.that(message != null, "lost: " + line);
                String found = message.getMsgId() + " " + message.getQueueId() + " " + message.getQueueOffset() + " " + fields[3];
                Check.equal(line, found, "acknowledged message");
                count++;
            }
        }
        Check.that(count > 0, "nothing was acknowledged");
    }

    /** Each thread waits for an answer before it sends again, so its messages follow one another in every queue. */
    private static void checkOrder(List<MessageExt> queue) {
        Map<String, Long> latest = new HashMap<>();
        for (MessageExt message : queue) {
            String[] key = message.getKeys().split(":");
            long sequence = Long.parseLong(key[1]);
            Check.that(sequence > latest.getOrDefault(key[0], -1L), message.getKeys() + " came after " + latest.get(key[0]));
            latest.put(key[0], sequence);
        }
    }

    private static final class Report {
        int passed;
        int failed;

        void check(String name, Check.Throwing body) {
            try {
                body.run();
                passed++;
                System.out.println("ok " + name);
            } catch (Throwable thrown) {
                failed++;
                System.out.println("FAIL " + name + " " + thrown.getMessage());
            }
        }
    }
}
