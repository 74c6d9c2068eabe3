package interop;

import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.RPCHook;

/** What one case uses: topics and groups of its own, and clients that are shut down when the case ends. */
final class Scope implements AutoCloseable {
    private static final int READ_WRITE = 6;
    /**
     * A client drops a heartbeat that meets another one on its way; its pulls are then refused (subscription not latest)
     * until the next heartbeat, 30 s later by default.
     */
    private static final int HEARTBEAT_MS = 2_000;

    final Target target;
    private final String name;
    private final Deque<Runnable> shutdowns = new ArrayDeque<>();

    Scope(Target target, String name) {
        this.target = target;
        this.name = name;
    }

    String topic(int queues) throws Exception {
        return target.topic(name, queues, READ_WRITE);
    }

    String unique(String what) {
        return Target.unique(name + "_" + what);
    }

    DefaultMQProducer producer() throws Exception {
        DefaultMQProducer producer = unstartedProducer();
        producer.start();
        return producer;
    }

    DefaultMQProducer unstartedProducer() {
        DefaultMQProducer producer = new DefaultMQProducer(unique("pg"));
        producer.setNamesrvAddr(target.namesrv);
        producer.setInstanceName(unique("p"));
        producer.setSendMsgTimeout(10_000);
        atEnd(producer::shutdown);
        return producer;
    }

    /** Not started, no subscription. */
    DefaultMQPushConsumer push(String group) {
        return push(group, null);
    }

    DefaultMQPushConsumer push(String group, RPCHook hook) {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, hook, new AllocateMessageQueueAveragely());
        consumer.setNamesrvAddr(target.namesrv);
        consumer.setInstanceName(unique("c"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_MS);
        atEnd(consumer::shutdown);
        return consumer;
    }

    @SuppressWarnings("deprecation")
    DefaultMQPullConsumer pull(String group) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
        consumer.setNamesrvAddr(target.namesrv);
        consumer.setInstanceName(unique("c"));
        consumer.setBrokerSuspendMaxTimeMillis(2_000);
        consumer.start();
        atEnd(consumer::shutdown);
        return consumer;
    }

    DefaultMQPullConsumer pull() throws Exception {
        return pull(unique("g"));
    }

    /** Not started, neither subscribed nor assigned. */
    DefaultLitePullConsumer lite(String group) {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(group);
        consumer.setNamesrvAddr(target.namesrv);
        consumer.setInstanceName(unique("c"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_MS);
        atEnd(consumer::shutdown);
        return consumer;
    }

    MessageQueue queue(String topic, int queueId) {
        return new MessageQueue(topic, target.brokerName, queueId);
    }

    void atEnd(Runnable shutdown) {
        shutdowns.push(shutdown);
    }

    static Message message(String topic, String tags, String keys, String text) {
        return new Message(topic, tags, keys, text.getBytes(StandardCharsets.UTF_8));
    }

    static String text(MessageExt message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    /** The enum has another package in each release line. */
    static void setBroadcasting(DefaultMQPushConsumer consumer) throws Exception {
        for (Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                for (Object model : method.getParameterTypes()[0].getEnumConstants()) {
                    if (model.toString().equals("BROADCASTING")) {
                        method.invoke(consumer, model);
                        return;
                    }
                }
            }
        }
        throw new IllegalStateException("no setMessageModel(BROADCASTING)");
    }

    /** All messages of a topic by plain pulls, queue after queue, once there are as many as expected. */
    static List<MessageExt> readTopic(DefaultMQPullConsumer consumer, String topic, int expected) throws Exception {
        Collection<MessageQueue> queues = new TreeSet<>(consumer.fetchSubscribeMessageQueues(topic));
        long[] stored = {0};
        try {
            // A message may be acknowledged a moment before it can be pulled.
            Check.within(10, "", () -> (stored[0] = total(consumer, queues)) == expected);
        } catch (AssertionError never) {
            throw new AssertionError("stored " + stored[0] + " messages instead of " + expected, never);
        }
        List<MessageExt> all = new ArrayList<>();
        for (MessageQueue queue : queues) {
            all.addAll(readQueue(consumer, queue));
        }
        Check.equal(expected, all.size(), "messages read");
        return all;
    }

    private static long total(DefaultMQPullConsumer consumer, Collection<MessageQueue> queues) throws Exception {
        long total = 0;
        for (MessageQueue queue : queues) {
            total += consumer.maxOffset(queue);
        }
        return total;
    }

    /** All messages of one queue by plain pulls. */
    static List<MessageExt> readQueue(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
        List<MessageExt> all = new ArrayList<>();
        long next = 0;
        while (next < consumer.maxOffset(queue)) {
            PullResult result = consumer.pull(queue, "*", next, 32);
            Check.equal(PullStatus.FOUND, result.getPullStatus(), "pull at " + next + " of " + queue);
            all.addAll(result.getMsgFoundList());
            next = result.getNextBeginOffset();
        }
        return all;
    }

    @Override
    public void close() {
        while (!shutdowns.isEmpty()) {
            try {
                shutdowns.pop().run();
            } catch (RuntimeException ignored) {
                // A client that failed to start may fail to stop; the case has said what matters.
            }
        }
    }
}
