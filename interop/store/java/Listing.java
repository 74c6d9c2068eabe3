import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.GetMessageResult;
import org.apache.rocketmq.store.QueryMessageResult;
import org.apache.rocketmq.store.SelectMappedBufferResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;

/** Everything that an open store shows, as JSON in the form of the golden manifests. */
final class Listing {
    private static final int BLANK = 0xCBD43194;
    private static final int V1 = 0xDAA320A7;
    private static final int V2 = 0xDAA320AB;

    private final DefaultMessageStore store;
    private final long segmentBytes;
    /** By queue (topic, tab, number): offsets to read from and times to look for; by kind "key": topics and keys. */
    private final Map<String, List<Long>> reads = new TreeMap<>();
    private final Map<String, List<Long>> times = new TreeMap<>();
    private final List<String[]> keys = new ArrayList<>();
    private final StringBuilder out = new StringBuilder();

    Listing(DefaultMessageStore store, MessageStoreConfig config, List<String> questions) {
        this.store = store;
        this.segmentBytes = config.getMappedFileSizeCommitLog();
        for (String line : questions) {
            String[] question = line.split("\t", -1);
            switch (question[0]) {
                case "read":
                    reads.computeIfAbsent(question[1] + '\t' + question[2], queue -> new ArrayList<>())
                        .add(Long.parseLong(question[3]));
                    break;
                case "time":
                    times.computeIfAbsent(question[1] + '\t' + question[2], queue -> new ArrayList<>())
                        .add(Long.parseLong(question[3]));
                    break;
                case "key":
                    keys.add(question);
                    break;
                default:
                    throw new IllegalArgumentException(line);
            }
        }
    }

    String text() throws Exception {
        out.append("{\"opened\":true,\"minPhy\":").append(store.getMinPhyOffset());
        out.append(",\"maxPhy\":").append(store.getMaxPhyOffset());
        out.append(",\n\"records\":[");
        records();
        out.append("],\n\"queues\":[");
        queues();
        out.append("],\n");
        keys();
        return out.append("}\n").toString();
    }

    // --- the log

    private void records() throws Exception {
        long at = Math.max(0, store.getMinPhyOffset());
        long end = store.getMaxPhyOffset();
        String comma = "\n";
        while (at < end) {
            long next = (at / segmentBytes + 1) * segmentBytes;
            SelectMappedBufferResult rest = store.getCommitLogData(at);
            if (rest == null) {
                at = next;
                continue;
            }
            try {
                ByteBuffer bytes = rest.getByteBuffer();
                if (bytes.remaining() < 8) {
                    at = next;
                    continue;
                }
                int size = bytes.getInt(0);
                int magic = bytes.getInt(4);
                if ((magic != V1 && magic != V2) || size <= 0 || size > bytes.remaining()) {
                    out.append(magic == BLANK ? "" : comma + "{\"unreadableAt\":" + at + "}");
                    comma = magic == BLANK ? comma : ",\n";
                    at = next;
                    continue;
                }
                bytes.limit(size);
                out.append(comma);
                record(bytes.slice());
                comma = ",\n";
                at += size;
            } finally {
                rest.release();
            }
        }
    }

    private void record(ByteBuffer bytes) throws Exception {
        int magic = bytes.getInt(4);
        MessageExt message = MessageDecoder.decode(bytes, true, false);
        byte[] body = message.getBody() == null ? new byte[0] : message.getBody();
        int crc = message.getBodyCRC();
        field("{\"phy\":", message.getCommitLogOffset());
        field(",\"size\":", bytes.limit());
        out.append(",\"magic\":").append(quoted(Integer.toHexString(magic)));
        out.append(",\"topic\":").append(quoted(message.getTopic()));
        field(",\"queueId\":", message.getQueueId());
        field(",\"queueOffset\":", message.getQueueOffset());
        field(",\"storeTimestamp\":", message.getStoreTimestamp());
        field(",\"bornTimestamp\":", message.getBornTimestamp());
        out.append(",\"bornHost\":").append(quoted(host(message.getBornHost())));
        out.append(",\"storeHost\":").append(quoted(host(message.getStoreHost())));
        field(",\"sysFlag\":", message.getSysFlag());
        field(",\"flag\":", message.getFlag());
        field(",\"reconsumeTimes\":", message.getReconsumeTimes());
        field(",\"preparedOffset\":", message.getPreparedTransactionOffset());
        field(",\"bodyCrc\":", crc);
        field(",\"bodyLength\":", body.length);
        out.append(",\"bodySha256\":").append(quoted(sha256(body)));
        int flag = message.getSysFlag();
        if ((flag & MessageSysFlag.COMPRESSED_FLAG) != 0) {
            byte[] plain = Release.inflated(body, flag);
            out.append(",\"plainSha256\":").append(quoted(sha256(plain)));
        }
        property(",\"tags\":", message.getTags());
        property(",\"keys\":", message.getKeys());
        property(",\"uniqKey\":", message.getProperty("UNIQ_KEY"));
        out.append(",\"properties\":{");
        String comma = "";
        for (Map.Entry<String, String> property : new TreeMap<>(message.getProperties()).entrySet()) {
            out.append(comma).append(quoted(property.getKey())).append(':').append(quoted(property.getValue()));
            comma = ",";
        }
        out.append('}');
        if (body.length > 0 && UtilAll.crc32(body) != crc) {
            out.append(",\"bad\":true");
        }
        out.append('}');
    }

    private static String host(java.net.SocketAddress address) {
        java.net.InetSocketAddress inet = (java.net.InetSocketAddress) address;
        String text = inet.getAddress().getHostAddress();
        boolean six = inet.getAddress() instanceof java.net.Inet6Address;
        return (six ? '[' + text.replaceFirst("%.*", "") + ']' : text) + ':' + inet.getPort();
    }

    private static String sha256(byte[] bytes) throws Exception {
        StringBuilder text = new StringBuilder();
        for (byte part : MessageDigest.getInstance("SHA-256").digest(bytes)) {
            text.append(String.format("%02x", part));
        }
        return text.toString();
    }

    // --- the queues

    private void queues() throws Exception {
        String comma = "\n";
        for (Release.Queue queue : Release.queues(store)) {
            out.append(comma);
            queue(queue);
            comma = ",\n";
        }
    }

    private void queue(Release.Queue queue) throws Exception {
        String topic = queue.topic;
        int id = queue.id;
        String name = topic + '\t' + id;
        out.append("{\"topic\":").append(quoted(topic));
        field(",\"queueId\":", id);
        out.append(",\"type\":").append(quoted(queue.type));
        field(",\"min\":", queue.min);
        field(",\"max\":", queue.max);
        field(",\"maxPhy\":", queue.maxPhy);
        field(",\"earliestTime\":", store.getEarliestMessageTime(topic, id));
        out.append(",\"reads\":[");
        String comma = "";
        for (long offset : reads.getOrDefault(name, List.of())) {
            GetMessageResult result = store.getMessage("G", topic, id, offset, 2, null);
            out.append(comma).append('[').append(offset).append(',').append(quoted(result.getStatus().name()));
            out.append(',').append(result.getNextBeginOffset()).append(',').append(result.getMessageCount()).append(']');
            result.release();
            comma = ",";
        }
        out.append("],\"byTime\":[");
        comma = "";
        for (long time : times.getOrDefault(name, List.of())) {
            for (Map.Entry<String, Long> answer : Release.byTime(store, topic, id, time).entrySet()) {
                out.append(comma).append('[').append(time).append(',').append(quoted(answer.getKey()));
                out.append(',').append(answer.getValue()).append(']');
                comma = ",";
            }
        }
        out.append("],\"entries\":[").append(String.join(",", queue.entries)).append("]}");
    }

    // --- the index

    private void keys() throws Exception {
        StringBuilder tags = new StringBuilder("\"tagIndex\":{");
        out.append("\"index\":{");
        String comma = "\n";
        String commaOfTags = "\n";
        for (String[] question : keys) {
            String answer = quoted(question[1] + '#' + question[2]) + ':' + found(question[1], question[2]);
            if (question[2].startsWith("T#")) {
                tags.append(commaOfTags).append(answer);
                commaOfTags = ",\n";
            } else {
                out.append(comma).append(answer);
                comma = ",\n";
            }
        }
        out.append("},\n").append(tags).append('}');
    }

    private String found(String topic, String key) throws Exception {
        QueryMessageResult result = key.startsWith("T#")
            ? Release.withTag(store, topic, key.substring(2))
            : store.queryMessage(topic, key, 64, 0, Long.MAX_VALUE);
        TreeSet<Long> places = new TreeSet<>();
        for (ByteBuffer bytes : result.getMessageBufferList()) {
            MessageExt message = MessageDecoder.decode(bytes.slice(), true, false);
            if (has(message, topic, key)) {
                places.add(message.getCommitLogOffset());
            }
        }
        result.release();
        return places.toString();
    }

    /** Other keys may have the same hash; the broker's caller sorts them out. */
    private static boolean has(MessageExt message, String topic, String key) {
        if (!topic.equals(message.getTopic())) {
            return false;
        }
        if (key.startsWith("T#")) {
            return key.substring(2).equals(message.getTags());
        }
        String keys = message.getKeys() == null ? "" : message.getKeys();
        return key.equals(message.getProperty("UNIQ_KEY")) || List.of(keys.split(" ")).contains(key);
    }

    // --- text

    private void field(String name, long value) {
        out.append(name).append(value);
    }

    private void property(String name, String value) {
        if (value != null) {
            out.append(name).append(quoted(value));
        }
    }

    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < ' ') {
                quoted.append(String.format("\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }
}
