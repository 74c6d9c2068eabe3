package interop;

import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * Where a new group starts. A broker answers offset 0 for a new group while the first message of the queue is still in its
 * memory, whatever the client was told; on servers that were just started, that is always so. Most cases therefore ask
 * the broker not to (setZeroIfNotFound), as the query's header allows.
 */
final class StartOffsetCases {
    private StartOffsetCases() {
    }

    static void register(Main main) {
        main.add("consume-from-first", scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET, true, true, true));
        main.add("consume-from-last", scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, true, false, false));
        main.add("consume-from-timestamp", scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_TIMESTAMP, true, false, true));
        main.add("consume-from-last-of-young-queue",
            scope -> startsAt(scope, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, false, true, true));
    }

    private static void startsAt(Scope scope, ConsumeFromWhere where, boolean strictly, boolean sawOld, boolean sawRecent)
        throws Exception {
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
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"), strictly ? new NotZeroForNewGroups() : null);
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

    private static final class NotZeroForNewGroups implements RPCHook {
        private static final int QUERY_CONSUMER_OFFSET = 14;

        @Override
        public void doBeforeRequest(String address, RemotingCommand request) {
            if (request.getCode() == QUERY_CONSUMER_OFFSET) {
                request.addExtField("setZeroIfNotFound", "false");
            }
        }

        @Override
        public void doAfterResponse(String address, RemotingCommand request, RemotingCommand response) {
            // Only requests are changed.
        }
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
