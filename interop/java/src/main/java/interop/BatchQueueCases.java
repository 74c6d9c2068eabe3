package interop;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Topics with {@code queue.type=BatchCQ}: a batch is one record there, which consumers take apart. Clients of 4.9 know
 * nothing of either, so that these cases are for 5.x alone.
 */
final class BatchQueueCases {
    private BatchQueueCases() {
    }

    static void register(Main main) {
        if (attributesSetter() == null) {
            return;
        }
        main.add("batch-queue-collection", BatchQueueCases::collection);
        main.add("batch-queue-auto-batch", BatchQueueCases::autoBatch);
        main.add("batch-queue-middle-of-a-batch", BatchQueueCases::middleOfABatch);
    }

    /** Null in 4.9, whose topics have no attributes. */
    private static Method attributesSetter() {
        try {
            return TopicConfig.class.getMethod("setAttributes", Map.class);
        } catch (NoSuchMethodException old) {
            return null;
        }
    }

    private static String topic(Scope scope, int queues) throws Exception {
        TopicConfig config = new TopicConfig(scope.unique("t"), queues, queues, 6);
        attributesSetter().invoke(config, Map.of("+queue.type", "BatchCQ"));
        scope.target.createTopic(config);
        return config.getTopicName();
    }

    private static List<Message> messages(String topic, String what, int count) {
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            messages.add(Scope.message(topic, null, what + "k" + i, what + i));
        }
        return messages;
    }

    /** Single messages and collections in turn; a push consumer gets every one of them. */
    private static void collection(Scope scope) throws Exception {
        String topic = topic(scope, 1);
        DefaultMQProducer producer = scope.producer();
        Set<String> sent = new TreeSet<>();
        long expected = 0;
        for (int round = 1; round <= 6; round++) {
            SendResult single = producer.send(Scope.message(topic, "T", "single" + round, "single " + round));
            Check.equal(expected++, single.getQueueOffset(), "offset of a single message");
            sent.add("single " + round);
            SendResult batch = producer.send(messages(topic, "batch " + round + " ", round * 3));
            Check.equal(expected, batch.getQueueOffset(), "offset of a batch");
            Check.equal(1, batch.getMsgId().split(",").length, "one id of the batch");
            Check.equal(1, batch.getOffsetMsgId().split(",").length, "one place of the batch");
            expected += round * 3L;
            for (int i = 0; i < round * 3; i++) {
                sent.add("batch " + round + " " + i);
            }
        }
        Check.equal(expected, scope.pull().maxOffset(scope.queue(topic, 0)), "end of the queue");
        Check.equal(sent, received(scope, topic, sent.size()), "messages received");
    }

    /** The producer puts messages together by itself. */
    private static void autoBatch(Scope scope) throws Exception {
        String topic = topic(scope, 2);
        DefaultMQProducer producer = scope.unstartedProducer();
        DefaultMQProducer.class.getMethod("setAutoBatch", boolean.class).invoke(producer, true);
        DefaultMQProducer.class.getMethod("batchMaxDelayMs", int.class).invoke(producer, 50);
        producer.start();
        int count = 200;
        CountDownLatch answered = new CountDownLatch(count);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Set<String> sent = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            sent.add("auto " + i);
            producer.send(Scope.message(topic, null, null, "auto " + i), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    answered.countDown();
                }

                @Override
                public void onException(Throwable thrown) {
                    failure.set(thrown);
                    answered.countDown();
                }
            });
        }
        Check.that(answered.await(30, TimeUnit.SECONDS), "unanswered: " + answered.getCount());
        Check.equal(null, failure.get(), "failure");
        Check.equal(sent, received(scope, topic, count), "messages received");
    }

    /** An offset in the middle of a batch gives all of it, with the offset of each. */
    private static void middleOfABatch(Scope scope) throws Exception {
        String topic = topic(scope, 1);
        DefaultMQProducer producer = scope.producer();
        producer.send(messages(topic, "a", 4));
        producer.send(messages(topic, "b", 5));
        DefaultMQPullConsumer consumer = scope.pull();
        MessageQueue queue = scope.queue(topic, 0);
        Check.within(10, "end of the queue", () -> consumer.maxOffset(queue) == 9);
        PullResult result = consumer.pull(queue, "*", 6, 2);
        Check.equal(PullStatus.FOUND, result.getPullStatus(), "status");
        Check.equal(9L, result.getNextBeginOffset(), "next offset");
        List<String> found = new ArrayList<>();
        for (MessageExt message : result.getMsgFoundList()) {
            found.add(message.getQueueOffset() + " " + Scope.text(message));
        }
        Check.equal(List.of("4 b0", "5 b1", "6 b2", "7 b3", "8 b4"), found, "messages");
    }

    private static Set<String> received(Scope scope, String topic, int expected) throws Exception {
        Set<String> texts = Collections.synchronizedSet(new HashSet<>());
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            batch.forEach(message -> texts.add(Scope.text(message)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        try {
            Check.within(30, "messages received", () -> texts.size() >= expected);
        } catch (AssertionError never) {
            throw new AssertionError("received " + texts.size() + " of " + expected, never);
        }
        return new TreeSet<>(texts);
    }
}
