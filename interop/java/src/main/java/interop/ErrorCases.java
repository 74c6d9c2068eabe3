package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** What a refused request looks like to an application. */
final class ErrorCases {
    private static final int INVALID_PARAMETER = 29;
    private static final int MESSAGE_ILLEGAL = 13;
    private static final int NO_PERMISSION = 16;
    private static final int TOPIC_NOT_EXIST = 17;
    private static final int READ = 4;
    private static final int WRITE = 2;

    private ErrorCases() {
    }

    static void register(Main main) {
        main.add("refused-topic-name", ErrorCases::topicName);
        main.add("refused-too-large", ErrorCases::tooLarge);
        main.add("refused-no-write-permission", ErrorCases::noWritePermission);
        main.add("refused-no-read-permission", ErrorCases::noReadPermission);
        main.add("refused-queue-number", ErrorCases::queueNumber);
        main.add("refused-unknown-topic", ErrorCases::unknownTopic);
        main.add("refused-system-topic", ErrorCases::systemTopic);
    }

    private static void refused(int code, String remark, Check.Throwing body) {
        MQBrokerException refusal = Check.thrown(MQBrokerException.class, body);
        Check.equal(code, refusal.getResponseCode(), "response code (" + refusal.getErrorMessage() + ")");
        Check.that(refusal.getErrorMessage().contains(remark), "remark: " + refusal.getErrorMessage());
    }

    private static void topicName(Scope scope) throws Exception {
        DefaultMQProducer producer = scope.producer();
        Check.thrown(MQClientException.class, () -> producer.send(Scope.message("no such name!", null, null, "x")));
    }

    private static void tooLarge(Scope scope) throws Exception {
        String topic = scope.topic(1);
        DefaultMQProducer producer = scope.producer();
        producer.setMaxMessageSize(64 * 1024 * 1024);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        producer.setRetryTimesWhenSendFailed(0);
        MessageQueue queue = scope.queue(topic, 0);
        refused(MESSAGE_ILLEGAL, "", () -> producer.send(new Message(topic, new byte[5 * 1024 * 1024]), queue));
        // The connection still serves.
        producer.send(Scope.message(topic, null, null, "small"), queue);
    }

    private static void noWritePermission(Scope scope) throws Exception {
        String topic = scope.target.topic("read_only", 1, READ);
        DefaultMQProducer producer = scope.producer();
        // The broker does not look at the topic's write permission; the route is what keeps producers away.
        Check.thrown(MQClientException.class, () -> producer.fetchPublishMessageQueues(topic));
    }

    private static void noReadPermission(Scope scope) throws Exception {
        String topic = scope.target.topic("write_only", 1, WRITE);
        DefaultMQPullConsumer consumer = scope.pull();
        refused(NO_PERMISSION, "is forbidden", () -> consumer.pull(scope.queue(topic, 0), "*", 0, 1));
    }

    private static void queueNumber(Scope scope) throws Exception {
        String topic = scope.topic(2);
        DefaultMQPullConsumer consumer = scope.pull();
        DefaultMQProducer producer = scope.producer();
        refused(INVALID_PARAMETER, "queueId[7] is illegal", () -> consumer.pull(scope.queue(topic, 7), "*", 0, 1));
        refused(INVALID_PARAMETER, "queueId[7] is illegal",
            () -> producer.send(Scope.message(topic, null, null, "x"), scope.queue(topic, 7)));
    }

    private static void unknownTopic(Scope scope) throws Exception {
        // A topic of another name on the same broker brings its address into the client's tables.
        MessageQueue known = scope.queue(scope.topic(1), 0);
        DefaultMQPullConsumer consumer = scope.pull();
        consumer.pull(known, "*", 0, 1);
        MessageQueue unknown = scope.queue(scope.unique("nowhere"), 0);
        refused(TOPIC_NOT_EXIST, unknown.getTopic(), () -> consumer.pull(unknown, "*", 0, 1));
        Check.thrown(MQClientException.class, () -> consumer.fetchSubscribeMessageQueues(unknown.getTopic()));
    }

    private static void systemTopic(Scope scope) throws Exception {
        DefaultMQProducer producer = scope.producer();
        Check.thrown(MQClientException.class, () -> producer.send(Scope.message("SCHEDULE_TOPIC_XXXX", null, null, "x")));
    }
}
