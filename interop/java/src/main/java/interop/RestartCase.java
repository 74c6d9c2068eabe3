package interop;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;

/** The broker is restarted in mid-traffic: every acknowledged message still arrives, and traffic goes on by itself. */
final class RestartCase {
    private RestartCase() {
    }

    /** The script that started the servers watches the folder: `restart` asks it, `restarted` is its answer. */
    static void register(Main main, String signals) {
        main.addAlone("broker-restarts-in-traffic", scope -> run(scope, Paths.get(signals)));
    }

    private static void run(Scope scope, Path signals) throws Exception {
        String topic = scope.topic(4);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.setHeartbeatBrokerInterval(2_000);
        consumer.setPollNameServerInterval(2_000);
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();

        DefaultMQProducer producer = scope.unstartedProducer();
        producer.setSendMsgTimeout(3_000);
        producer.setHeartbeatBrokerInterval(2_000);
        producer.setPollNameServerInterval(2_000);
        producer.start();
        Set<String> acknowledged = new ConcurrentSkipListSet<>();
        AtomicInteger failures = new AtomicInteger();
        AtomicBoolean stop = new AtomicBoolean();
        Thread traffic = new Thread(() -> {
            for (int i = 0; !stop.get(); i++) {
                try {
                    if (producer.send(Scope.message(topic, null, null, "r" + i)).getSendStatus() == SendStatus.SEND_OK) {
                        acknowledged.add("r" + i);
                    }
                    Thread.sleep(2);
                } catch (Exception refused) {
                    failures.incrementAndGet();
                }
            }
        });
        traffic.setDaemon(true);
        traffic.start();
        Check.within(20, "200 messages before the restart", () -> acknowledged.size() >= 200);
        Files.deleteIfExists(signals.resolve("restarted"));
        Files.createFile(signals.resolve("restart"));
        Check.within(150, "the restart", () -> Files.exists(signals.resolve("restarted")));
        int before = acknowledged.size();
        Check.within(60, "200 messages after the restart", () -> acknowledged.size() >= before + 200);
        stop.set(true);
        traffic.join(20_000);
        Check.within(60, "every acknowledged message", () -> inbox.texts().containsAll(acknowledged));
    }
}
