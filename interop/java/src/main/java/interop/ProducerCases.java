package interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Every way to send, each checked by reading back what was stored. */
final class ProducerCases {
    private ProducerCases() {
    }

    static void register(Main main) {
        main.add("send-sync", ProducerCases::sync);
        main.add("send-async", ProducerCases::async);
        main.add("send-oneway", ProducerCases::oneway);
        main.add("send-batch", ProducerCases::batch);
        main.add("send-to-queue", ProducerCases::toQueue);
        main.add("send-by-selector", ProducerCases::bySelector);
        main.add("send-creates-topic", ProducerCases::createsTopic);
        main.add("send-through-vip-port", ProducerCases::throughVipPort);
        main.add("send-compressed", ProducerCases::compressed);
        main.add("send-binary-body", ProducerCases::binaryBody);
        main.add("view-by-id", ProducerCases::viewById);
    }

    private static void sync(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        Map<String, SendResult> sent = new HashMap<>();
        Map<Integer, List<Long>> offsets = new HashMap<>();
        for (int i = 0; i < 40; i++) {
            Message message = Scope.message(topic, "TagA", "key" + i, "sync " + i);
            message.putUserProperty("number", String.valueOf(i));
            message.putUserProperty("umlaut", "grün 消息");
            SendResult result = producer.send(message);
            Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
            Check.equal(scope.target.brokerName, result.getMessageQueue().getBrokerName(), "broker");
            offsets.computeIfAbsent(result.getMessageQueue().getQueueId(), q -> new ArrayList<>())
                .add(result.getQueueOffset());
            sent.put("sync " + i, result);
        }
        Check.equal(Set.of(0, 1, 2, 3), offsets.keySet(), "queues in turn");
        offsets.forEach((queue, seen) -> Check.equal(firstOffsets(seen.size()), seen, "offsets of queue " + queue));

        List<MessageExt> stored = Scope.readTopic(scope.pull(), topic, sent.size());
        for (MessageExt message : stored) {
            SendResult result = sent.get(Scope.text(message));
            Check.equal(result.getMsgId(), message.getMsgId(), "unique id");
            Check.equal(result.getOffsetMsgId(), offsetId(message), "offset id");
            Check.equal(result.getQueueOffset(), message.getQueueOffset(), "queue offset");
            Check.equal(result.getMessageQueue().getQueueId(), message.getQueueId(), "queue");
            Check.equal("TagA", message.getTags(), "tags");
            Check.equal("key" + message.getUserProperty("number"), message.getKeys(), "keys");
            Check.equal("grün 消息", message.getUserProperty("umlaut"), "property");
            Check.that(message.getStoreTimestamp() >= message.getBornTimestamp() - 1000, "store time before birth");
            Check.that(Math.abs(message.getStoreTimestamp() - System.currentTimeMillis()) < 120_000, "store time");
            Check.equal(0, message.getReconsumeTimes(), "consumed before");
        }
    }

    /** The id that the broker gave, as MessageExt keeps it below the client's own. */
    private static String offsetId(MessageExt message) throws Exception {
        return (String) message.getClass().getMethod("getOffsetMsgId").invoke(message);
    }

    private static List<Long> firstOffsets(int count) {
        List<Long> offsets = new ArrayList<>();
        for (long offset = 0; offset < count; offset++) {
            offsets.add(offset);
        }
        return offsets;
    }

    private static void async(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        int count = 400;
        CountDownLatch answered = new CountDownLatch(count);
        Set<String> places = Collections.synchronizedSet(new HashSet<>());
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < count; i++) {
            producer.send(Scope.message(topic, null, null, "async " + i), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    places.add(result.getMessageQueue().getQueueId() + ":" + result.getQueueOffset());
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
        Check.equal(count, places.size(), "distinct places");
        Set<String> texts = new HashSet<>();
        Scope.readTopic(scope.pull(), topic, count).forEach(message -> texts.add(Scope.text(message)));
        Check.equal(count, texts.size(), "messages stored");
    }

    private static void oneway(Scope scope) throws Exception {
        String topic = scope.topic(2);
        DefaultMQProducer producer = scope.producer();
        for (int i = 0; i < 50; i++) {
            producer.sendOneway(Scope.message(topic, null, null, "oneway " + i));
        }
        Scope.readTopic(scope.pull(), topic, 50);
    }

    private static void batch(Scope scope) throws Exception {
        String topic = scope.topic(1);
        DefaultMQProducer producer = scope.producer();
        producer.send(Scope.message(topic, null, null, "before"));
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            Message message = Scope.message(topic, "T" + i % 3, "bk" + i, "batch " + i);
            message.putUserProperty("index", String.valueOf(i));
            messages.add(message);
        }
        SendResult result = producer.send(messages);
        Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
        Check.equal(1L, result.getQueueOffset(), "offset of the first");
        Check.equal(30, result.getMsgId().split(",").length, "unique ids");
        Check.equal(30, result.getOffsetMsgId().split(",").length, "offset ids");

        List<MessageExt> stored = Scope.readTopic(scope.pull(), topic, 31).subList(1, 31);
        String[] ids = result.getMsgId().split(",");
        for (int i = 0; i < 30; i++) {
            MessageExt message = stored.get(i);
            Check.equal("batch " + i, Scope.text(message), "body in order");
            Check.equal(i + 1L, message.getQueueOffset(), "offset");
            Check.equal(ids[i], message.getMsgId(), "unique id");
            Check.equal("T" + i % 3, message.getTags(), "tags");
            Check.equal(String.valueOf(i), message.getUserProperty("index"), "property");
        }
    }

    private static void toQueue(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        List<MessageQueue> queues = producer.fetchPublishMessageQueues(topic);
        Check.equal(4, queues.size(), "queues to publish to");
        for (int round = 0; round < 3; round++) {
            for (MessageQueue queue : queues) {
                SendResult result = producer.send(Scope.message(topic, null, null, "q" + queue.getQueueId()), queue);
                Check.equal(queue, result.getMessageQueue(), "queue");
                Check.equal((long) round, result.getQueueOffset(), "offset");
            }
        }
        for (MessageExt message : Scope.readTopic(scope.pull(), topic, 12)) {
            Check.equal("q" + message.getQueueId(), Scope.text(message), "body in its queue");
        }
    }

    private static void bySelector(Scope scope) throws Exception {
        String topic = scope.topic(4);
        DefaultMQProducer producer = scope.producer();
        for (int i = 0; i < 20; i++) {
            SendResult result = producer.send(Scope.message(topic, null, null, "s" + i),
                (queues, message, order) -> queues.stream().filter(q -> q.getQueueId() == (Integer) order % 4)
                    .findFirst().orElseThrow(), i);
            Check.equal(i % 4, result.getMessageQueue().getQueueId(), "queue chosen");
        }
        Set<Integer> used = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            used.add(producer.send(Scope.message(topic, null, null, "h" + i), new SelectMessageQueueByHash(), "order-7")
                .getMessageQueue().getQueueId());
        }
        Check.equal(1, used.size(), "queues for one key");
    }

    private static void createsTopic(Scope scope) throws Exception {
        String topic = scope.unique("auto");
        DefaultMQProducer producer = scope.producer();
        producer.setDefaultTopicQueueNums(4);
        SendResult result = producer.send(Scope.message(topic, null, null, "first"));
        Check.equal(SendStatus.SEND_OK, result.getSendStatus(), "status");
        Check.within(40, "route of the new topic", () -> {
            try {
                var queue = scope.target.admin.examineTopicRouteInfo(topic).getQueueDatas().get(0);
                return queue.getWriteQueueNums() == 4 && queue.getReadQueueNums() == 4 && queue.getPerm() == 6;
            } catch (Exception notYet) {
                return false;
            }
        });
        Scope.readTopic(scope.pull(), topic, 1);
    }

    private static void throughVipPort(Scope scope) throws Exception {
        String topic = scope.topic(1);
        DefaultMQProducer producer = scope.unstartedProducer();
        producer.setVipChannelEnabled(true);
        producer.start();
        for (int i = 0; i < 5; i++) {
            Check.equal(SendStatus.SEND_OK, producer.send(Scope.message(topic, null, null, "vip" + i)).getSendStatus(), "status");
        }
        Scope.readTopic(scope.pull(), topic, 5);
    }

    private static void compressed(Scope scope) throws Exception {
        String topic = scope.topic(1);
        byte[] body = new byte[300_000];
        for (int i = 0; i < body.length; i++) {
            body[i] = (byte) ('a' + i / 1000 % 26);
        }
        DefaultMQProducer producer = scope.producer();
        producer.send(new Message(topic, body));
        MessageExt stored = Scope.readTopic(scope.pull(), topic, 1).get(0);
        Check.that(Arrays.equals(body, stored.getBody()), "body differs after compression");
        Check.that(stored.getStoreSize() < 50_000, "stored " + stored.getStoreSize() + " bytes");
    }

    private static void binaryBody(Scope scope) throws Exception {
        String topic = scope.topic(1);
        byte[] body = new byte[1_500_000];
        new Random(7).nextBytes(body);
        DefaultMQProducer producer = scope.producer();
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        producer.send(new Message(topic, body));
        producer.send(new Message(topic, new byte[] {0}));
        List<MessageExt> stored = Scope.readTopic(scope.pull(), topic, 2);
        Check.that(Arrays.equals(body, stored.get(0).getBody()), "large body differs");
        Check.that(Arrays.equals(new byte[] {0}, stored.get(1).getBody()), "one-byte body differs");
    }

    private static void viewById(Scope scope) throws Exception {
        String topic = scope.topic(1);
        DefaultMQProducer producer = scope.producer();
        SendResult result = producer.send(Scope.message(topic, "View", "vk", "look at me"));
        MessageExt seen = producer.viewMessage(topic, result.getOffsetMsgId());
        Check.equal("look at me", Scope.text(seen), "body");
        Check.equal("View", seen.getTags(), "tags");
        Check.equal("vk", seen.getKeys(), "keys");
        Check.equal(result.getQueueOffset(), seen.getQueueOffset(), "queue offset");
        Check.equal(result.getMsgId(), seen.getMsgId(), "unique id");
    }
}
