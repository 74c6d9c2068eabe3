package interop;

import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** The servers under test: one name server and the single master that is registered with it. */
final class Target implements AutoCloseable {
    /** Tells the topics and groups of this run from those of earlier runs against the same servers. */
    private static final String RUN = Long.toString(System.currentTimeMillis() / 1000, 36);
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    final String namesrv;
    final DefaultMQAdminExt admin;
    final String brokerName;
    final String brokerAddr;

    Target(String namesrv) throws Exception {
        this.namesrv = namesrv;
        admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(namesrv);
        admin.setInstanceName("admin-" + RUN);
        admin.start();
        // A broker may be up a moment before its name server knows it.
        Check.within(30, "a broker registers", () -> !admin.examineBrokerClusterInfo().getBrokerAddrTable().isEmpty());
        var broker = admin.examineBrokerClusterInfo().getBrokerAddrTable().values().iterator().next();
        brokerName = broker.getBrokerName();
        brokerAddr = broker.getBrokerAddrs().get(0L);
    }

    static String unique(String name) {
        return name.replace('-', '_') + "_" + RUN + "_" + NUMBERS.incrementAndGet();
    }

    /** Makes a topic on the master and waits until the name server routes to it. */
    String topic(String name, int queues, int perm) throws Exception {
        String topic = unique(name);
        createTopic(topic, queues, perm);
        return topic;
    }

    void createTopic(String topic, int queues, int perm) throws Exception {
        createTopic(new TopicConfig(topic, queues, queues, perm));
    }

    void createTopic(TopicConfig config) throws Exception {
        admin.createAndUpdateTopicConfig(brokerAddr, config);
        String topic = config.getTopicName();
        Check.within(15, "route of " + topic, () -> hasRoute(topic));
    }

    private boolean hasRoute(String topic) {
        try {
            return !admin.examineTopicRouteInfo(topic).getQueueDatas().isEmpty();
        } catch (Exception notYet) {
            return false;
        }
    }

    @Override
    public void close() {
        admin.shutdown();
    }
}
