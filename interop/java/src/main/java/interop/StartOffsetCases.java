package interop;

import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

/**
 * Where a new group starts. A broker lets every new group start at the beginning of a queue whose first message is still
 * among those it holds in memory, so last and timestamp have an effect only on a broker that counts all messages as cold
 * (accessMessageInMemoryMaxRatio=0): the cases run once in each setting.
 */
final class StartOffsetCases {
    private StartOffsetCases() {
    }

    static void register(Main main, boolean cold) {
        main.add("consume-from-first", scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET, true, true));
        main.add("consume-from-last",
            scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, !cold, !cold));
        main.add("consume-from-timestamp",
            scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_TIMESTAMP, !cold, true));
    }

    private static void startsAt(Scope scope, ConsumeFromWhere where, boolean sawOld, boolean sawRecent) throws Exception {
        String topic = scope.topic(2);
        DefaultMQProducer producer = scope.producer();
        Set<String> expected = new TreeSet<>();
        send(producer, topic, "old ", sawOld, expected);
        // The time is given in whole seconds.
        Thread.sleep(1_100);
        String timestamp = new SimpleDateFormat("yyyyMMddHHmmss").format(new Date());
        Thread.sleep(1_100);
        send(producer, topic, "recent ", sawRecent, expected);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.setConsumeFromWhere(where);
        consumer.setConsumeTimestamp(timestamp);
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();
        Check.within(10, "two queues", () -> consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl()
            .getProcessQueueTable().keySet().stream().filter(queue -> queue.getTopic().equals(topic)).count() == 2);
        send(producer, topic, "new ", true, expected);
        inbox.awaitTexts(20, expected);
    }

    private static void send(DefaultMQProducer producer, String topic, String prefix, boolean seen, Set<String> expected)
        throws Exception {
        for (int i = 0; i < 10; i++) {
            producer.send(Scope.message(topic, null, null, prefix + i));
            if (seen) {
                expected.add(prefix + i);
            }
        }
    }
}
