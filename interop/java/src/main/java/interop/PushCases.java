package interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Push consumers: groups and their rebalance, tags, order, broadcast, progress that outlives a consumer. */
final class PushCases {
    /** Below the 20 s of the client's own rebalance: only the broker's notification can be that quick. */
    private static final int REBALANCE_SECONDS_MAX = 12;

    private PushCases() {
    }

    static void register(Main main) {
        main.add("push-group-of-three", PushCases::groupOfThree);
        main.add("push-concurrently", PushCases::concurrently);
        main.add("push-waits-for-messages", PushCases::waitsForMessages);
        main.add("push-tags", PushCases::tags);
        main.add("push-orderly", PushCases::orderly);
        main.add("push-broadcasting", PushCases::broadcasting);
        main.add("push-resumes-where-it-stopped", PushCases::resumes);
        main.add("push-large-messages", PushCases::largeMessages);
    }

    private static Set<String> send(DefaultMQProducer producer, String topic, String prefix, int count) throws Exception {
        Set<String> texts = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            producer.send(Scope.message(topic, null, null, prefix + i));
            texts.add(prefix + i);
        }
        return texts;
    }

    private static void concurrently(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        Set<String> sent = send(producer, topic, "early ", 100);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();
        sent.addAll(send(producer, topic, "late ", 100));
        inbox.awaitTexts(20, sent);
        Check.equal(sent.size(), inbox.size(), "deliveries");
    }

    /** A waiting consumer gets a message at once, not when its poll ends. */
    private static void waitsForMessages(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();
        Check.within(10, "four queues", () -> allocated(consumer, topic).size() == 4);
        Thread.sleep(3_000);
        for (int i = 0; i < 8; i++) {
            int before = inbox.size();
            producer.send(Scope.message(topic, null, null, "w" + i));
            Check.within(2, "delivery of a message to a waiting consumer", () -> inbox.size() > before);
        }
    }

    private static void tags(Scope scope) throws Exception {
        String topic = scope.topic(2);
        DefaultMQProducer producer = scope.producer();
        Inbox some = new Inbox();
        DefaultMQPushConsumer picky = scope.push(scope.unique("picky"));
        picky.subscribe(topic, "A || C");
        some.fillConcurrently(picky);
        picky.start();
        Inbox every = new Inbox();
        DefaultMQPushConsumer all = scope.push(scope.unique("all"));
        all.subscribe(topic, "*");
        every.fillConcurrently(all);
        all.start();
        Set<String> wanted = new TreeSet<>();
        Set<String> sent = new TreeSet<>();
        for (int i = 0; i < 60; i++) {
            String tag = Arrays.asList("A", "B", "C", "D", null).get(i % 5);
            producer.send(Scope.message(topic, tag, null, tag + i));
            sent.add(tag + i);
            if ("A".equals(tag) || "C".equals(tag)) {
                wanted.add(tag + i);
            }
        }
        every.awaitTexts(20, sent);
        some.awaitTexts(20, wanted);
        Check.equal(wanted.size(), some.size(), "deliveries to the subscriber of two tags");
    }

    private static Set<MessageQueue> allocated(DefaultMQPushConsumer consumer, String topic) {
        Set<MessageQueue> queues = new HashSet<>();
        for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
            if (queue.getTopic().equals(topic)) {
                queues.add(queue);
            }
        }
        return queues;
    }

    private static void awaitShares(int seconds, String topic, int share, DefaultMQPushConsumer... consumers) throws Exception {
        Check.within(seconds, consumers.length + " consumers with " + share + " queues each", () -> {
            Set<MessageQueue> union = new HashSet<>();
            for (DefaultMQPushConsumer consumer : consumers) {
                Set<MessageQueue> own = allocated(consumer, topic);
                if (own.size() != share) {
                    return false;
                }
                union.addAll(own);
            }
            return union.size() == share * consumers.length;
        });
    }

    private static void groupOfThree(Scope scope) throws Exception {
        String topic = scope.topic(6);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        List<DefaultMQPushConsumer> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            DefaultMQPushConsumer consumer = scope.push(group);
            consumer.subscribe(topic, "*");
            inbox.fillConcurrently(consumer);
            members.add(consumer);
        }
        DefaultMQProducer producer = scope.producer();
        Set<String> sent = new ConcurrentSkipListSet<>();
        AtomicBoolean stop = new AtomicBoolean();
        Thread traffic = new Thread(() -> {
            try {
                for (int i = 0; !stop.get(); i++) {
                    producer.send(Scope.message(topic, null, null, "g" + i));
                    sent.add("g" + i);
                    Thread.sleep(5);
                }
            } catch (Exception failed) {
                sent.add("a send failed: " + failed);
            }
        });
        traffic.setDaemon(true);
        members.get(0).start();
        members.get(1).start();
        awaitShares(REBALANCE_SECONDS_MAX, topic, 3, members.get(0), members.get(1));
        traffic.start();
        members.get(2).start();
        awaitShares(REBALANCE_SECONDS_MAX, topic, 2, members.toArray(new DefaultMQPushConsumer[0]));
        Check.within(20, "traffic for three", () -> sent.size() >= 100);
        members.get(0).shutdown();
        awaitShares(REBALANCE_SECONDS_MAX, topic, 3, members.get(1), members.get(2));
        int left = sent.size();
        Check.within(20, "traffic for two", () -> sent.size() >= left + 100);
        stop.set(true);
        traffic.join(15_000);
        inbox.awaitTexts(30, sent);
        Check.that(inbox.size() - sent.size() < sent.size() / 2, inbox.size() + " deliveries of " + sent.size() + " messages");
    }

    private static void orderly(Scope scope) throws Exception {
        String topic = scope.topic(4);
        String group = scope.unique("g");
        Inbox[] inboxes = {new Inbox(), new Inbox()};
        DefaultMQPushConsumer[] members = new DefaultMQPushConsumer[2];
        for (int i = 0; i < 2; i++) {
            members[i] = scope.push(group);
            members[i].subscribe(topic, "*");
            inboxes[i].fillOrderly(members[i]);
            members[i].start();
        }
        // A newcomer whose lock is refused, since the other still holds it, asks again in its own rebalance only.
        awaitShares(45, topic, 2, members);
        DefaultMQProducer producer = scope.producer();
        Map<String, List<String>> sent = new HashMap<>();
        for (int i = 0; i < 200; i++) {
            String key = "order" + i % 10;
            producer.send(Scope.message(topic, null, key, key + " step " + i), new SelectMessageQueueByHash(), key);
            sent.computeIfAbsent(key, any -> new ArrayList<>()).add(key + " step " + i);
        }
        Check.within(40, "200 messages in order", () -> inboxes[0].size() + inboxes[1].size() >= 200);
        Map<String, List<String>> seen = inboxes[0].textsByKey();
        inboxes[1].textsByKey().forEach((key, texts) -> seen.merge(key, texts, (a, b) -> {
            throw new AssertionError(key + " went to both consumers");
        }));
        Check.equal(sent, seen, "order for each key");
        Check.that(inboxes[0].size() > 0 && inboxes[1].size() > 0, "one consumer got nothing");
    }

    private static void broadcasting(Scope scope) throws Exception {
        String topic = scope.topic(4);
        String group = scope.unique("g");
        DefaultMQProducer producer = scope.producer();
        Inbox[] inboxes = {new Inbox(), new Inbox(), new Inbox()};
        DefaultMQPushConsumer[] members = new DefaultMQPushConsumer[3];
        for (int i = 0; i < 2; i++) {
            members[i] = broadcaster(scope, group, topic, inboxes[i]);
            members[i].start();
        }
        Set<String> sent = send(producer, topic, "all ", 40);
        inboxes[0].awaitTexts(20, sent);
        inboxes[1].awaitTexts(20, sent);
        Check.equal(40, inboxes[0].size(), "deliveries to the first");
        // The same client after a restart goes on from the offsets in its own file.
        String instance = members[1].getInstanceName();
        members[1].shutdown();
        Set<String> later = send(producer, topic, "more ", 10);
        members[2] = broadcaster(scope, group, topic, inboxes[2]);
        members[2].setInstanceName(instance);
        members[2].start();
        inboxes[2].awaitTexts(20, later);
    }

    private static DefaultMQPushConsumer broadcaster(Scope scope, String group, String topic, Inbox inbox) throws Exception {
        DefaultMQPushConsumer consumer = scope.push(group);
        Scope.setBroadcasting(consumer);
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        return consumer;
    }

    private static void resumes(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        DefaultMQProducer producer = scope.producer();
        Inbox first = new Inbox();
        DefaultMQPushConsumer before = scope.push(group);
        before.subscribe(topic, "*");
        first.fillConcurrently(before);
        before.start();
        first.awaitTexts(20, send(producer, topic, "before ", 20));
        before.shutdown();
        Set<String> between = send(producer, topic, "between ", 20);
        Inbox second = new Inbox();
        DefaultMQPushConsumer after = scope.push(group);
        after.subscribe(topic, "*");
        second.fillConcurrently(after);
        after.start();
        second.awaitTexts(20, between);
        Check.equal(between.size(), second.size(), "deliveries after the restart");
    }

    private static void largeMessages(Scope scope) throws Exception {
        String topic = scope.topic(1);
        DefaultMQProducer producer = scope.producer();
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(scope.unique("g"));
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();
        byte[] body = new byte[1_000_000];
        for (int i = 0; i < 8; i++) {
            Arrays.fill(body, (byte) ('0' + i));
            producer.send(new Message(topic, body));
        }
        Check.within(30, "eight messages of 1 MB", () -> inbox.size() == 8);
        for (MessageExt message : inbox.all()) {
            Arrays.fill(body, (byte) ('0' + message.getQueueOffset()));
            Check.that(Arrays.equals(body, message.getBody()), "body at " + message.getQueueOffset());
        }
    }
}
