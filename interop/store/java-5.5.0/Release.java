import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.rocketmq.common.BoundaryType;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.compression.CompressorFactory;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.remoting.protocol.body.TopicConfigSerializeWrapper;
import org.apache.rocketmq.store.ConsumeQueueExt;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.QueryMessageResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.queue.ConsumeQueueInterface;
import org.apache.rocketmq.store.queue.CqUnit;
import org.apache.rocketmq.store.queue.ReferredIterator;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/** What the store classes of 5.x have in another form than those of 4.9. */
final class Release {
    private Release() {
    }

    /** One consume queue, its entries as JSON. */
    static final class Queue {
        String topic;
        int id;
        String type;
        long min;
        long max;
        long maxPhy;
        final List<String> entries = new ArrayList<>();
    }

    static DefaultMessageStore store(MessageStoreConfig config, Path root) throws Exception {
        // What is due is not delivered.
        config.setTimerWheelEnable(false);
        BrokerConfig broker = new BrokerConfig();
        broker.setBrokerClusterName("DefaultCluster");
        broker.setBrokerName("broker-a");
        return new DefaultMessageStore(config, new BrokerStatsManager(broker), null, broker, topics(root));
    }

    /** Which kind of queue a topic has is an attribute of the topic. */
    private static ConcurrentMap<String, TopicConfig> topics(Path root) throws Exception {
        Path file = root.resolve("config/topics.json");
        if (!Files.exists(file) || Files.size(file) == 0) {
            file = root.resolve("config/topics.json.bak");
        }
        if (!Files.exists(file)) {
            return new ConcurrentHashMap<>();
        }
        String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        return TopicConfigSerializeWrapper.fromJson(text, TopicConfigSerializeWrapper.class).getTopicConfigTable();
    }

    static byte[] inflated(byte[] body, int flag) throws Exception {
        return CompressorFactory.getCompressor(MessageSysFlag.getCompressionType(flag)).decompress(body);
    }

    static QueryMessageResult withTag(DefaultMessageStore store, String topic, String tag) {
        return store.queryMessage(topic, tag, 64, 0, Long.MAX_VALUE, "T", null);
    }

    static Map<String, Long> byTime(DefaultMessageStore store, String topic, int id, long time) {
        Map<String, Long> answers = new TreeMap<>();
        for (BoundaryType boundary : new BoundaryType[] {BoundaryType.LOWER, BoundaryType.UPPER}) {
            answers.put(boundary.name(), store.getOffsetInQueueByTime(topic, id, time, boundary));
        }
        return answers;
    }

    static List<Queue> queues(DefaultMessageStore store) {
        List<Queue> queues = new ArrayList<>();
        ConcurrentMap<String, ConcurrentMap<Integer, ConsumeQueueInterface>> table = store.getConsumeQueueTable();
        for (String topic : new TreeSet<>(table.keySet())) {
            for (ConsumeQueueInterface queue : new TreeMap<>(table.get(topic)).values()) {
                queues.add(queue(queue));
            }
        }
        return queues;
    }

    private static Queue queue(ConsumeQueueInterface queue) {
        Queue listed = new Queue();
        listed.topic = queue.getTopic();
        listed.id = queue.getQueueId();
        listed.type = queue.getCQType().toString();
        listed.min = queue.getMinOffsetInQueue();
        listed.max = queue.getMaxOffsetInQueue();
        listed.maxPhy = queue.getMaxPhysicOffset();
        long offset = listed.min;
        while (offset < listed.max) {
            // One iterator ends with its file.
            ReferredIterator<CqUnit> units = queue.iterateFrom(offset);
            long before = offset;
            while (units != null && units.hasNext() && offset < listed.max) {
                CqUnit unit = units.next();
                offset = unit.getQueueOffset() + Math.max(1, unit.getBatchNum());
                if (unit.getPos() != 0 || unit.getSize() != Integer.MAX_VALUE) {
                    listed.entries.add(entry(unit));
                }
            }
            if (units != null) {
                units.release();
            }
            if (offset == before) {
                offset++;
            }
        }
        return listed;
    }

    private static String entry(CqUnit unit) {
        Long code = unit.getValidTagsCodeAsLong();
        StringBuilder out = new StringBuilder();
        out.append('[').append(unit.getQueueOffset()).append(',').append(unit.getPos());
        out.append(',').append(unit.getSize()).append(',').append(code == null ? unit.getTagsCode() : code);
        ConsumeQueueExt.CqExtUnit more = unit.getCqExtUnit();
        if (unit.getBatchNum() > 1) {
            out.append(",{\"batch\":").append(unit.getBatchNum()).append('}');
        } else if (more != null) {
            StringBuilder bits = new StringBuilder();
            for (byte part : more.getFilterBitMap() == null ? new byte[0] : more.getFilterBitMap()) {
                bits.append(String.format("%02x", part));
            }
            out.append(",{\"extTagsCode\":").append(more.getTagsCode());
            out.append(",\"extTime\":").append(more.getMsgStoreTime());
            out.append(",\"bitMap\":\"").append(bits).append("\"}");
        }
        return out.append(']').toString();
    }
}
