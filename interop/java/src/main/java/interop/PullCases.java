package interop;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Pull and lite pull consumers: statuses, offsets, seek. */
final class PullCases {
    private PullCases() {
    }

    static void register(Main main) {
        main.add("pull-statuses", PullCases::statuses);
        main.add("pull-offsets", PullCases::offsets);
        main.add("pull-waits-for-a-message", PullCases::waitsForMessage);
        main.add("pull-tags", PullCases::tags);
        main.add("pull-commits", PullCases::commits);
        main.add("lite-pull-subscribe", PullCases::liteSubscribe);
        main.add("lite-pull-assign-and-seek", PullCases::liteAssignAndSeek);
        main.add("lite-pull-commits", PullCases::liteCommits);
    }

    private static void fill(Scope scope, MessageQueue queue, int count) throws Exception {
        DefaultMQProducer producer = scope.producer();
        for (int i = 0; i < count; i++) {
            producer.send(Scope.message(queue.getTopic(), i % 2 == 0 ? "even" : "odd", null, "m" + i), queue);
        }
    }

    private static void statuses(Scope scope) throws Exception {
        MessageQueue queue = scope.queue(scope.topic(1), 0);
        DefaultMQPullConsumer consumer = scope.pull();
        Check.equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 0, 32).getPullStatus(), "empty queue");
        fill(scope, queue, 10);
        Check.within(5, "max of 10", () -> consumer.maxOffset(queue) == 10);
        PullResult found = consumer.pull(queue, "*", 2, 5);
        Check.equal(PullStatus.FOUND, found.getPullStatus(), "messages there");
        Check.equal(5, found.getMsgFoundList().size(), "as many as asked for");
        Check.equal(7L, found.getNextBeginOffset(), "next offset");
        Check.equal(0L, found.getMinOffset(), "min offset");
        Check.equal(10L, found.getMaxOffset(), "max offset");
        Check.equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", 10, 32).getPullStatus(), "at the end");
        PullResult beyond = consumer.pull(queue, "*", 500, 32);
        Check.equal(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus(), "beyond the end");
        Check.equal(10L, beyond.getNextBeginOffset(), "offset to go on from");
        PullResult unmatched = consumer.pull(queue, "nobody", 0, 32);
        Check.equal(PullStatus.NO_MATCHED_MSG, unmatched.getPullStatus(), "no such tag");
        Check.equal(10L, unmatched.getNextBeginOffset(), "offset after the unmatched");
    }

    private static void offsets(Scope scope) throws Exception {
        MessageQueue queue = scope.queue(scope.topic(1), 0);
        DefaultMQPullConsumer consumer = scope.pull();
        Check.equal(0L, consumer.maxOffset(queue), "max of the empty queue");
        fill(scope, queue, 5);
        Thread.sleep(50);
        long between = System.currentTimeMillis();
        Thread.sleep(50);
        fill(scope, queue, 5);
        Check.within(5, "max of 10", () -> consumer.maxOffset(queue) == 10);
        Check.equal(0L, consumer.minOffset(queue), "min");
        Check.equal(5L, consumer.searchOffset(queue, between), "by time");
        Check.equal(0L, consumer.searchOffset(queue, between - 3_600_000), "by time before all");
        long earliest = consumer.earliestMsgStoreTime(queue);
        Check.that(earliest > between - 60_000 && earliest <= between, "earliest store time " + earliest);
        MessageExt first = consumer.pull(queue, "*", 0, 1).getMsgFoundList().get(0);
        Check.equal(first.getStoreTimestamp(), earliest, "earliest store time");
        Check.equal(0L, consumer.searchOffset(queue, first.getStoreTimestamp()), "by the time of the first");
    }

    private static void waitsForMessage(Scope scope) throws Exception {
        MessageQueue queue = scope.queue(scope.topic(1), 0);
        DefaultMQPullConsumer consumer = scope.pull();
        long began = System.nanoTime();
        Check.equal(PullStatus.NO_NEW_MSG, consumer.pullBlockIfNotFound(queue, "*", 0, 32).getPullStatus(), "nobody sends");
        long waited = (System.nanoTime() - began) / 1_000_000;
        Check.that(waited >= 1_500 && waited < 12_000, "suspended for " + waited + " ms instead of 2000");
        DefaultMQProducer producer = scope.producer();
        // The route first, so that the message follows the pull closely.
        producer.fetchPublishMessageQueues(queue.getTopic());
        Thread later = new Thread(() -> {
            try {
                Thread.sleep(500);
                producer.send(Scope.message(queue.getTopic(), null, null, "there"), queue);
            } catch (Exception failed) {
                throw new IllegalStateException(failed);
            }
        });
        later.start();
        PullResult woken = consumer.pullBlockIfNotFound(queue, "*", 0, 32);
        later.join();
        Check.equal(PullStatus.FOUND, woken.getPullStatus(), "woken by a message");
        Check.equal("there", Scope.text(woken.getMsgFoundList().get(0)), "body");
    }

    private static void tags(Scope scope) throws Exception {
        MessageQueue queue = scope.queue(scope.topic(1), 0);
        fill(scope, queue, 20);
        DefaultMQPullConsumer consumer = scope.pull();
        Check.within(5, "max of 20", () -> consumer.maxOffset(queue) == 20);
        PullResult result = consumer.pull(queue, "odd || nobody", 0, 32);
        Check.equal(PullStatus.FOUND, result.getPullStatus(), "status");
        List<String> texts = new ArrayList<>();
        result.getMsgFoundList().forEach(message -> texts.add(Scope.text(message)));
        Check.equal(List.of("m1", "m3", "m5", "m7", "m9", "m11", "m13", "m15", "m17", "m19"), texts, "odd ones");
        Check.equal(20L, result.getNextBeginOffset(), "next offset");
    }

    private static void commits(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        MessageQueue queue = scope.queue(topic, 1);
        fill(scope, queue, 10);
        DefaultMQPullConsumer before = scope.pull(group);
        Check.equal(2, before.fetchSubscribeMessageQueues(topic).size(), "queues");
        // The first pull makes the group known to the broker, which ignores offsets of unknown groups.
        before.pull(queue, "*", 0, 6);
        before.updateConsumeOffset(queue, 6);
        before.getDefaultMQPullConsumerImpl().getOffsetStore().persistAll(Set.of(queue));
        DefaultMQPullConsumer after = scope.pull(group);
        Check.within(10, "offset of the group",
            () -> after.fetchConsumeOffset(queue, true) == 6);
    }

    private static void liteSubscribe(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        Set<String> sent = new TreeSet<>();
        for (int i = 0; i < 100; i++) {
            producer.send(Scope.message(topic, i % 2 == 0 ? "even" : "odd", null, "l" + i));
            if (i % 2 == 1) {
                sent.add("l" + i);
            }
        }
        DefaultLitePullConsumer consumer = scope.lite(scope.unique("g"));
        consumer.subscribe(topic, "odd");
        consumer.start();
        Set<String> seen = new TreeSet<>();
        Check.within(30, "all messages of one tag", () -> {
            consumer.poll(500).forEach(message -> seen.add(Scope.text(message)));
            return seen.containsAll(sent);
        });
        Check.equal(sent, seen, "messages of the tag");
    }

    private static List<String> poll(DefaultLitePullConsumer consumer, int count) throws Exception {
        List<String> texts = new ArrayList<>();
        Check.within(20, count + " messages polled", () -> {
            consumer.poll(300).forEach(message -> texts.add(Scope.text(message)));
            return texts.size() >= count;
        });
        return texts;
    }

    private static void liteAssignAndSeek(Scope scope) throws Exception {
        String topic = scope.topic(2);
        MessageQueue queue = scope.queue(topic, 1);
        fill(scope, queue, 20);
        DefaultLitePullConsumer consumer = scope.lite(scope.unique("g"));
        consumer.setAutoCommit(false);
        consumer.start();
        Check.equal(2, consumer.fetchMessageQueues(topic).size(), "queues");
        consumer.assign(Collections.singletonList(queue));
        // All of them first: a seek that meets a pull on its way would not throw away what that pull brings.
        Check.equal("m0", poll(consumer, 20).get(0), "after assign");
        consumer.seek(queue, 12);
        Check.equal("m12", poll(consumer, 8).get(0), "after seek(12)");
        consumer.seekToBegin(queue);
        List<String> all = poll(consumer, 20);
        Check.equal("m0", all.get(0), "after seekToBegin");
        Check.equal(20, new HashSet<>(all).size(), "after seekToBegin");
        consumer.seekToEnd(queue);
        Check.equal(List.of(), consumer.poll(1_000), "after seekToEnd");
        Check.equal(0L, (long) consumer.offsetForTimestamp(queue, 0L), "offset for time 0");
        Check.equal(20L, (long) consumer.offsetForTimestamp(queue, System.currentTimeMillis() + 60_000), "offset for later");
        Check.thrown(Exception.class, () -> consumer.seek(queue, 21));
    }

    private static void liteCommits(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String group = scope.unique("g");
        MessageQueue queue = scope.queue(topic, 0);
        fill(scope, queue, 20);
        DefaultLitePullConsumer before = scope.lite(group);
        before.setAutoCommit(false);
        before.setPullBatchSize(5);
        before.subscribe(topic, "*");
        before.start();
        int polled = 0;
        while (polled < 10) {
            polled += before.poll(2_000).size();
        }
        before.commitSync();
        before.shutdown();
        int committed = polled;
        DefaultLitePullConsumer after = scope.lite(group);
        after.subscribe(topic, "*");
        after.start();
        if (committed < 20) {
            Check.equal("m" + committed, poll(after, 20 - committed).get(0), "first after the commit");
        }
        Check.within(10, "committed offset", () -> after.committed(queue) >= committed);
    }
}
