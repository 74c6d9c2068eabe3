import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentMap;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.store.ConsumeQueue;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.QueryMessageResult;
import org.apache.rocketmq.store.SelectMappedBufferResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/** What the store classes of 4.9 have in another form than those of 5.x. */
final class Release {
    private Release() {
    }

    /** One consume queue, its entries as JSON. */
    static final class Queue {
        String topic;
        int id;
        String type = "SimpleCQ";
        long min;
        long max;
        long maxPhy;
        final List<String> entries = new ArrayList<>();
    }

    static DefaultMessageStore store(MessageStoreConfig config, Path root) throws Exception {
        return new DefaultMessageStore(config, new BrokerStatsManager("DefaultCluster", true), null, new BrokerConfig());
    }

    static byte[] inflated(byte[] body, int flag) throws Exception {
        return UtilAll.uncompress(body);
    }

    /** 4.9 has no index of tags, but finds what is under the same hash in one that 5.x wrote. */
    static QueryMessageResult withTag(DefaultMessageStore store, String topic, String tag) {
        return store.queryMessage(topic, "T#" + tag, 64, 0, Long.MAX_VALUE);
    }

    /** 4.9 knows neither LOWER nor UPPER. */
    static Map<String, Long> byTime(DefaultMessageStore store, String topic, int id, long time) {
        return Map.of();
    }

    static List<Queue> queues(DefaultMessageStore store) {
        List<Queue> queues = new ArrayList<>();
        ConcurrentMap<String, ConcurrentMap<Integer, ConsumeQueue>> table = store.getConsumeQueueTable();
        for (String topic : new TreeSet<>(table.keySet())) {
            for (ConsumeQueue queue : new TreeMap<>(table.get(topic)).values()) {
                queues.add(queue(queue));
            }
        }
        return queues;
    }

    private static Queue queue(ConsumeQueue queue) {
        Queue listed = new Queue();
        listed.topic = queue.getTopic();
        listed.id = queue.getQueueId();
        listed.min = queue.getMinOffsetInQueue();
        listed.max = queue.getMaxOffsetInQueue();
        listed.maxPhy = queue.getMaxPhysicOffset();
        for (long offset = listed.min; offset < listed.max; offset++) {
            SelectMappedBufferResult found = queue.getIndexBuffer(offset);
            if (found == null) {
                continue;
            }
            ByteBuffer bytes = found.getByteBuffer();
            long place = bytes.getLong();
            int size = bytes.getInt();
            long code = bytes.getLong();
            found.release();
            if (place != 0 || size != Integer.MAX_VALUE) {
                listed.entries.add("[" + offset + "," + place + "," + size + "," + code + "]");
            }
        }
        return listed;
    }
}
