package interop;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What operators do with groups, and what becomes of messages that consumers cannot handle. */
final class GroupCases {
    private GroupCases() {
    }

    static void register(Main main) {
        main.add("group-running-info", GroupCases::runningInfo);
        main.add("group-consume-directly", GroupCases::consumeDirectly);
        main.add("group-offsets-of-clients", GroupCases::offsetsOfClients);
        main.add("group-reset-online", GroupCases::resetOnline);
        main.add("group-reset-offline", GroupCases::resetOffline);
        main.add("group-reset-one-queue", GroupCases::resetOneQueue);
        main.add("group-clone-offsets", GroupCases::cloneOffsets);
        main.add("group-progress", GroupCases::progress);
        main.add("group-settings", GroupCases::settings);
        main.add("group-connections", GroupCases::connections);
        main.add("dead-letters-unchanged", GroupCases::deadLettersUnchanged);
        main.add("dead-letters-of-ordered-group", GroupCases::orderedDeadLetters);
        main.add("trace-is-stored-and-found", GroupCases::trace);
    }

    /** What an administrator asks may come before a route or an offset is there. */
    private static <T> T soon(int seconds, String what, Callable<T> ask) throws Exception {
        List<T> found = new ArrayList<>();
        Exception[] last = {null};
        try {
            Check.within(seconds, what, () -> {
                try {
                    T answer = ask.call();
                    if (answer == null || Boolean.FALSE.equals(answer)) {
                        return false;
                    }
                    found.add(answer);
                    return true;
                } catch (Exception notYet) {
                    last[0] = notYet;
                    return false;
                }
            });
        } catch (AssertionError late) {
            throw new AssertionError(late.getMessage() + ", last " + last[0], late);
        }
        return found.get(0);
    }

    private static Set<String> fill(Scope scope, String topic, String prefix, int count) throws Exception {
        DefaultMQProducer producer = scope.producer();
        Set<String> texts = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            producer.send(Scope.message(topic, null, null, prefix + i));
            texts.add(prefix + i);
        }
        return texts;
    }

    /** A started consumer that persists its offsets quickly. */
    private static DefaultMQPushConsumer consumer(Scope scope, String group, String topic, Inbox inbox) throws Exception {
        DefaultMQPushConsumer consumer = scope.push(group);
        consumer.setPersistConsumerOffsetInterval(500);
        consumer.subscribe(topic, "*");
        inbox.fillConcurrently(consumer);
        consumer.start();
        return consumer;
    }

    /** The offsets of a group on a topic, once they add up. */
    private static void awaitCommitted(Scope scope, String group, String topic, long total) throws Exception {
        soon(20, "offsets of " + group + " add up to " + total, () -> committed(scope, group, topic) == total);
    }

    private static long committed(Scope scope, String group, String topic) throws Exception {
        long sum = 0;
        for (var offsets : scope.target.admin.examineConsumeStats(group, topic).getOffsetTable().values()) {
            sum += offsets.getConsumerOffset();
        }
        return sum;
    }

    private static void runningInfo(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consumer(scope, group, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "m", 4));
        DefaultMQAdminExt admin = scope.target.admin;
        String clientId = consumer.buildMQClientId();
        var info = soon(15, "running info",
            () -> admin.getConsumerRunningInfo(group, clientId, true));
        Check.equal("CONSUME_PASSIVELY", String.valueOf(info.getProperties().get("PROP_CONSUME_TYPE")), "type");
        Check.that(info.getJstack() != null && info.getJstack().contains("PullMessageService"), "no threads in the answer");
        Set<Integer> queues = new TreeSet<>();
        info.getMqTable().keySet().forEach(queue -> {
            if (queue.getTopic().equals(topic)) {
                queues.add(queue.getQueueId());
            }
        });
        Check.equal(Set.of(0, 1), queues, "queues of the consumer");
        Check.that(info.getSubscriptionSet().stream().anyMatch(data -> data.getTopic().equals(topic)), "no subscription");
        Exception offline = Check.thrown(Exception.class, () -> admin.getConsumerRunningInfo(group, "nobody", false));
        Check.that(offline.getMessage().contains("The Consumer <" + group + "> <nobody> not online"), offline.getMessage());
    }

    private static void consumeDirectly(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consumer(scope, group, topic, inbox);
        SendResult sent = scope.producer().send(Scope.message(topic, "TagA", "k", "once more"));
        inbox.awaitTexts(20, Set.of("once more"));
        DefaultMQAdminExt admin = scope.target.admin;
        var result = soon(15, "direct consumption",
            () -> admin.consumeMessageDirectly(group, consumer.buildMQClientId(), topic, sent.getOffsetMsgId()));
        Check.equal("CR_SUCCESS", String.valueOf(result.getConsumeResult()), "result");
        Check.equal(2, inbox.size(), "deliveries");
        Check.equal(inbox.all().get(0).getQueueOffset(), inbox.all().get(1).getQueueOffset(), "the same message");
    }

    private static void offsetsOfClients(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = consumer(scope, group, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "m", 10));
        Map<String, Map<MessageQueue, Long>> all = soon(20, "ten messages in the offsets of the client", () -> {
            Map<String, Map<MessageQueue, Long>> status = scope.target.admin.getConsumeStatus(topic, group, "");
            long sum = 0;
            for (Map<MessageQueue, Long> offsets : status.values()) {
                sum += offsets.values().stream().mapToLong(Long::longValue).sum();
            }
            return sum == 10 ? status : null;
        });
        Check.equal(Set.of(consumer.buildMQClientId()), all.keySet(), "clients");
    }

    private static void resetOnline(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        consumer(scope, group, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "m", 20));
        awaitCommitted(scope, group, topic, 20);
        Map<MessageQueue, Long> moved = scope.target.admin.resetOffsetByTimestamp(topic, group, 0, true);
        Check.equal(2, moved.size(), "queues");
        moved.values().forEach(offset -> Check.equal(0L, offset, "offset by a time before all"));
        // A consumer of 4.x waits ten seconds before it goes on.
        Check.within(40, "all messages again", () -> inbox.size() >= 40);
        awaitCommitted(scope, group, topic, 20);
        Check.equal(40, inbox.size(), "deliveries");
    }

    private static void resetOffline(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        Inbox before = new Inbox();
        DefaultMQPushConsumer first = consumer(scope, group, topic, before);
        before.awaitTexts(20, fill(scope, topic, "early ", 10));
        Thread.sleep(50);
        long between = System.currentTimeMillis();
        Thread.sleep(50);
        Set<String> late = fill(scope, topic, "late ", 10);
        Check.within(20, "all messages", () -> before.size() == 20);
        awaitCommitted(scope, group, topic, 20);
        first.shutdown();
        scope.target.admin.resetOffsetByTimestamp(topic, group, between, true);
        Check.equal(10L, committed(scope, group, topic), "offsets after the reset");
        Inbox after = new Inbox();
        consumer(scope, group, topic, after);
        after.awaitTexts(40, late);
        awaitCommitted(scope, group, topic, 20);
        Check.equal(10, after.size(), "deliveries after the reset");
    }

    private static void resetOneQueue(Scope scope) throws Exception {
        Method reset = null;
        for (Method method : DefaultMQAdminExt.class.getMethods()) {
            if (method.getName().equals("resetOffsetByQueueId")) {
                reset = method;
            }
        }
        if (reset == null) {
            return; // A request of 5.x.
        }
        String topic = scope.topic(2);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer first = consumer(scope, group, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "m", 20));
        awaitCommitted(scope, group, topic, 20);
        first.shutdown();
        reset.invoke(scope.target.admin, scope.target.brokerAddr, group, topic, 1, 3L);
        for (var offsets : scope.target.admin.examineConsumeStats(group, topic).getOffsetTable().entrySet()) {
            long expected = offsets.getKey().getQueueId() == 1 ? 3 : 10;
            Check.equal(expected, offsets.getValue().getConsumerOffset(), "offset of queue " + offsets.getKey().getQueueId());
        }
    }

    private static void cloneOffsets(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String source = scope.unique("source");
        String dest = scope.unique("dest");
        Inbox inbox = new Inbox();
        consumer(scope, source, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "m", 10));
        awaitCommitted(scope, source, topic, 10);
        scope.target.admin.cloneGroupOffset(source, dest, topic, false);
        DefaultMQPullConsumer reader = scope.pull(dest);
        long sum = 0;
        for (int queueId = 0; queueId < 2; queueId++) {
            sum += reader.fetchConsumeOffset(scope.queue(topic, queueId), true);
        }
        Check.equal(10L, sum, "offsets of the other group");
    }

    private static void progress(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer first = consumer(scope, group, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "seen ", 6));
        awaitCommitted(scope, group, topic, 6);
        first.shutdown();
        fill(scope, topic, "unseen ", 4);
        DefaultMQAdminExt admin = scope.target.admin;
        var stats = admin.examineConsumeStats(group, topic);
        Check.equal(4L, stats.computeTotalDiff(), "lag");
        for (var offsets : stats.getOffsetTable().values()) {
            Check.that(offsets.getLastTimestamp() > System.currentTimeMillis() - 60_000, "time of the last message seen");
        }
        boolean[] listed = {false};
        for (var groups : admin.fetchConsumeStatsInBroker(scope.target.brokerAddr, false, 10_000).getConsumeStatsList()) {
            groups.forEach((name, of) -> of.forEach(one -> listed[0] |= name.equals(group) && one.computeTotalDiff() == 4));
        }
        Check.that(listed[0], "the group is not among all groups");
        long delayed = 0;
        for (var span : admin.queryConsumeTimeSpan(topic, group)) {
            Check.that(span.getMinTimeStamp() <= span.getConsumeTimeStamp(), "consumed before the first message");
            Check.that(span.getConsumeTimeStamp() <= span.getMaxTimeStamp(), "consumed behind the last message");
            delayed += span.getDelayTime() > 0 && span.getDelayTime() < 60_000 ? 1 : 0;
        }
        Check.equal(2L, delayed, "queues with a delay");
    }

    private static void settings(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String group = scope.unique("g");
        Inbox inbox = new Inbox();
        consumer(scope, group, topic, inbox);
        inbox.awaitTexts(20, fill(scope, topic, "enabled ", 3));
        DefaultMQAdminExt admin = scope.target.admin;
        String broker = scope.target.brokerAddr;
        var made = admin.examineSubscriptionGroupConfig(broker, group);
        Check.equal(16, made.getRetryMaxTimes(), "retries of a group made on first use");
        made.setConsumeEnable(false);
        made.setRetryMaxTimes(3);
        admin.createAndUpdateSubscriptionGroupConfig(broker, made);
        var changed = admin.examineSubscriptionGroupConfig(broker, group);
        Check.equal(3, changed.getRetryMaxTimes(), "retries after the change");
        // What waited before the change is still served.
        fill(scope, topic, "first after ", 1);
        Thread.sleep(1_000);
        int before = inbox.size();
        fill(scope, topic, "disabled ", 3);
        Thread.sleep(1_500);
        Check.equal(before, inbox.size(), "deliveries to a disabled group");
        changed.setConsumeEnable(true);
        admin.createAndUpdateSubscriptionGroupConfig(broker, changed);
        Check.within(20, "the rest when it is enabled again", () -> inbox.texts().size() == 7);
        String other = scope.unique("other");
        changed.setGroupName(other);
        admin.createAndUpdateSubscriptionGroupConfig(broker, changed);
        Check.that(admin.getAllSubscriptionGroup(broker, 10_000).getSubscriptionGroupTable().containsKey(other), "not listed");
        admin.deleteSubscriptionGroup(broker, other, true);
        Check.that(!admin.getAllSubscriptionGroup(broker, 10_000).getSubscriptionGroupTable().containsKey(other), "not deleted");
    }

    private static void connections(Scope scope) throws Exception {
        String topic = scope.topic(2);
        String group = scope.unique("g");
        DefaultMQPushConsumer one = consumer(scope, group, topic, new Inbox());
        DefaultMQPushConsumer two = consumer(scope, group, topic, new Inbox());
        DefaultMQAdminExt admin = scope.target.admin;
        Set<String> expected = new TreeSet<>(Set.of(one.buildMQClientId(), two.buildMQClientId()));
        var both = soon(20, "two connections", () -> {
            var info = admin.examineConsumerConnectionInfo(group);
            return info.getConnectionSet().size() == 2 ? info : null;
        });
        Set<String> ids = new TreeSet<>();
        both.getConnectionSet().forEach(connection -> ids.add(connection.getClientId()));
        Check.equal(expected, ids, "clients");
        Check.equal("CLUSTERING", String.valueOf(both.getMessageModel()), "model");
        Check.that(both.getSubscriptionTable().containsKey(topic), "no subscription");
        Check.that(admin.queryTopicConsumeByWho(topic).getGroupList().contains(group), "the topic does not know its group");
        two.shutdown();
        soon(5, "one connection", () -> admin.examineConsumerConnectionInfo(group).getConnectionSet().size() == 1);
        one.shutdown();
        Exception gone = Check.thrown(Exception.class, () -> admin.examineConsumerConnectionInfo(group));
        Check.that(gone.getMessage().contains("206"), gone.getMessage());
    }

    private static MessageExt firstOf(Scope scope, String topic) throws Exception {
        DefaultMQPullConsumer reader = scope.pull();
        return soon(30, "a message in " + topic, () -> {
            var result = reader.pull(scope.queue(topic, 0), "*", 0, 1);
            return result.getMsgFoundList() == null || result.getMsgFoundList().isEmpty() ? null : result.getMsgFoundList().get(0);
        });
    }

    private static void deadLettersUnchanged(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String group = scope.unique("g");
        DefaultMQPushConsumer consumer = scope.push(group);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (arrived, context) -> {
            context.setDelayLevelWhenNextConsume(-1);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        Message message = Scope.message(topic, "TagA", "key1 key2", "cannot be handled");
        message.putUserProperty("colour", "red");
        message.setFlag(7);
        SendResult sent = scope.producer().send(message);
        MessageExt dead = firstOf(scope, "%DLQ%" + group);
        Check.equal("cannot be handled", Scope.text(dead), "body");
        Check.equal("TagA", dead.getTags(), "tags");
        Check.equal("key1 key2", dead.getKeys(), "keys");
        Check.equal("red", dead.getUserProperty("colour"), "a property of the application");
        Check.equal(7, dead.getFlag(), "flag");
        Check.equal(1, dead.getReconsumeTimes(), "attempts");
        Check.equal(topic, dead.getProperty("RETRY_TOPIC"), "where it came from");
        Check.equal(sent.getOffsetMsgId(), dead.getProperty("ORIGIN_MESSAGE_ID"), "what it was");
        Check.equal(sent.getMsgId(), dead.getProperty("UNIQ_KEY"), "unique key");
    }

    private static void orderedDeadLetters(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String group = scope.unique("g");
        AtomicInteger attempts = new AtomicInteger();
        Inbox good = new Inbox();
        DefaultMQPushConsumer consumer = scope.push(group);
        consumer.setMaxReconsumeTimes(2);
        consumer.setSuspendCurrentQueueTimeMillis(100);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (arrived, context) -> {
            if (Scope.text(arrived.get(0)).equals("bad")) {
                attempts.incrementAndGet();
                return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            }
            good.put(arrived);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        DefaultMQProducer producer = scope.producer();
        MessageQueue queue = scope.queue(topic, 0);
        producer.send(Scope.message(topic, null, null, "one"), queue);
        producer.send(Scope.message(topic, null, null, "bad"), queue);
        producer.send(Scope.message(topic, null, null, "two"), queue);
        consumer.start();
        good.awaitTexts(40, Set.of("one", "two"));
        Check.equal(3, attempts.get(), "attempts: the first and two more");
        Check.equal("bad", Scope.text(firstOf(scope, "%DLQ%" + group)), "body of the dead letter");
    }

    private static void trace(Scope scope) throws Exception {
        String topic = scope.topic(1);
        String traces = scope.topic(1);
        DefaultMQProducer producer = new DefaultMQProducer(scope.unique("pg"), true, traces);
        producer.setNamesrvAddr(scope.target.namesrv);
        producer.setInstanceName(scope.unique("p"));
        scope.atEnd(producer::shutdown);
        producer.start();
        SendResult sent = producer.send(Scope.message(topic, "TagA", "traced", "look"));
        MessageExt trace = soon(30, "a trace of " + sent.getMsgId(), () -> {
            var found = scope.target.admin.queryMessage(traces, sent.getMsgId(), 64, 0, Long.MAX_VALUE);
            return found.getMessageList().isEmpty() ? null : found.getMessageList().get(0);
        });
        String text = Scope.text(trace);
        Check.that(text.startsWith("Pub\u0001") && text.contains(sent.getMsgId()) && text.contains(topic), "trace: " + text);
    }
}
