package interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Delay levels: messages that come later, and messages that come again later. */
final class DelayCases {
    private static final int LEVEL_1_SECOND = 1;
    private static final int LEVEL_5_SECONDS = 2;
    private static final int OF_EACH_LEVEL = 20;
    /** A machine may be busy with other cases. */
    private static final long LATE_MS_MAX = 5_000;

    private DelayCases() {
    }

    static void register(Main main) {
        main.add("delay-levels", DelayCases::levels);
        main.add("delay-of-retries", DelayCases::retries);
    }

    private static void levels(Scope scope) throws Exception {
        String topic = scope.topic(1);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();
        DefaultMQProducer producer = scope.producer();
        Map<Integer, List<String>> sent = new HashMap<>();
        for (int i = 0; i < OF_EACH_LEVEL; i++) {
            for (int level : Arrays.asList(LEVEL_5_SECONDS, LEVEL_1_SECOND)) {
                String text = "level " + level + " number " + i;
                Message message = Scope.message(topic, "A", "level" + level, text);
                message.setDelayTimeLevel(level);
                Check.equal(0, producer.send(message).getMessageQueue().getQueueId(), "queue told");
                sent.computeIfAbsent(level, any -> new ArrayList<>()).add(text);
            }
        }
        Set<String> texts = new TreeSet<>();
        sent.values().forEach(texts::addAll);
        inbox.awaitTexts(30, texts);
        Check.equal(2 * OF_EACH_LEVEL, inbox.size(), "deliveries");
        List<MessageExt> read = Scope.readTopic(scope.pull(), topic, 2 * OF_EACH_LEVEL);
        for (int level : sent.keySet()) {
            List<String> stored = new ArrayList<>();
            for (MessageExt message : read) {
                if (message.getDelayTimeLevel() == level) {
                    stored.add(Scope.text(message));
                    checkTime(message, level == LEVEL_1_SECOND ? 1_000 : 5_000);
                    Check.equal(topic, message.getTopic(), "topic");
                    Check.equal(topic, message.getProperty("REAL_TOPIC"), "REAL_TOPIC");
                    Check.equal("A", message.getTags(), "tags");
                }
            }
            Check.equal(sent.get(level), stored, "order within level " + level);
        }
    }

    private static void checkTime(MessageExt message, long delayMs) {
        long tookMs = message.getStoreTimestamp() - message.getBornTimestamp();
        Check.that(tookMs >= delayMs, "delivered after " + tookMs + " ms instead of " + delayMs);
        Check.that(tookMs <= delayMs + LATE_MS_MAX, "delivered after " + tookMs + " ms instead of " + delayMs);
    }

    /** A listener that fails twice gets the message again after the delay it asked for, then nobody does. */
    private static void retries(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String group = scope.unique("g");
        List<MessageExt> attempts = new ArrayList<>();
        List<Long> times = new ArrayList<>();
        DefaultMQPushConsumer consumer = scope.push(group);
        consumer.subscribe(topic, "*");
        consumer.setMaxReconsumeTimes(2);
        // The retry topic is made when the group is first heard of, which may be after the client asked for its route.
        consumer.setPollNameServerInterval(2_000);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            synchronized (attempts) {
                attempts.addAll(messages);
                messages.forEach(message -> times.add(System.currentTimeMillis()));
            }
            context.setDelayLevelWhenNextConsume(LEVEL_1_SECOND);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        scope.producer().send(Scope.message(topic, "A", "key", "fails"));
        Check.within(80, "three attempts", () -> {
            synchronized (attempts) {
                return attempts.size() >= 3;
            }
        });
        synchronized (attempts) {
            for (int i = 0; i < 3; i++) {
                Check.equal(i, attempts.get(i).getReconsumeTimes(), "attempts before number " + i);
                Check.equal("fails", Scope.text(attempts.get(i)), "body");
                Check.equal(topic, attempts.get(i).getTopic(), "topic");
            }
            for (int i = 1; i < 3; i++) {
                long waitedMs = times.get(i) - times.get(i - 1);
                Check.that(waitedMs >= 900, "tried again after " + waitedMs + " ms");
            }
        }
        DefaultMQPullConsumer reader = scope.pull();
        Check.within(30, "the dead-letter queue has it", () -> {
            try {
                return reader.maxOffset(scope.queue("%DLQ%" + group, 0)) == 1;
            } catch (Exception noRouteYet) {
                return false;
            }
        });
    }
}
