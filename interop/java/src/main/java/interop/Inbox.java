package interop;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** What listeners were handed, in the order of arrival. */
final class Inbox {
    private final List<MessageExt> messages = new ArrayList<>();

    synchronized void put(List<MessageExt> arrived) {
        messages.addAll(arrived);
    }

    synchronized List<MessageExt> all() {
        return new ArrayList<>(messages);
    }

    synchronized int size() {
        return messages.size();
    }

    /** Bodies, each once. */
    Set<String> texts() {
        Set<String> texts = new TreeSet<>();
        all().forEach(message -> texts.add(Scope.text(message)));
        return texts;
    }

    /** Bodies in the order of arrival, apart for each value of KEYS. */
    Map<String, List<String>> textsByKey() {
        Map<String, List<String>> byKey = new HashMap<>();
        all().forEach(message -> byKey.computeIfAbsent(message.getKeys(), any -> new ArrayList<>()).add(Scope.text(message)));
        return byKey;
    }

    void awaitTexts(int seconds, Set<String> expected) throws Exception {
        try {
            Check.within(seconds, "", () -> texts().containsAll(expected));
        } catch (AssertionError late) {
            Set<String> missing = new TreeSet<>(expected);
            missing.removeAll(texts());
            throw new AssertionError("missing after " + seconds + " s: " + missing.size() + " of " + expected.size()
                + ", first " + missing.stream().limit(3).collect(java.util.stream.Collectors.toList()));
        }
        Set<String> unexpected = texts();
        unexpected.removeAll(expected);
        Check.that(unexpected.isEmpty(), "messages nobody sent here: " + unexpected);
    }

    void fillConcurrently(DefaultMQPushConsumer consumer) {
        consumer.registerMessageListener((MessageListenerConcurrently) (arrived, context) -> {
            put(arrived);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
    }

    void fillOrderly(DefaultMQPushConsumer consumer) {
        consumer.registerMessageListener((MessageListenerOrderly) (arrived, context) -> {
            put(arrived);
            return ConsumeOrderlyStatus.SUCCESS;
        });
    }
}
