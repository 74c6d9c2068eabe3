package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * Asks two name servers, with which the same brokers registered, the same questions: the answers must agree in code,
 * remark, fields and the meaning of the body. One broker is the official one, the other ours.
 */
public final class NameServers implements AutoCloseable {
    private static final int ROUTE = 105;
    private static final String CLUSTER = "DefaultCluster";
    private static final Pattern QUOTED = Pattern.compile("\"([^\"]+)\"");

    private final NettyRemotingClient client = new NettyRemotingClient(new NettyClientConfig());
    private final String[] addresses;
    private final String[] brokers;
    private int passed;
    private int failed;

    private NameServers(String first, String second, String[] brokers) {
        addresses = new String[] {first, second};
        this.brokers = brokers;
        client.start();
    }

    /** Addresses of the two name servers, then the names of the brokers. */
    public static void main(String[] args) throws Exception {
        int failures;
        // Otherwise requests say version 0, and registrations are read as those of ancient brokers.
        System.setProperty(RemotingCommand.REMOTING_VERSION_KEY, Integer.toString(MQVersion.CURRENT_VERSION));
        String[] brokers = List.of(args).subList(2, args.length).toArray(new String[0]);
        try (NameServers servers = new NameServers(args[0], args[1], brokers)) {
            servers.run();
            failures = servers.failed;
            System.out.printf("%d passed, %d failed%n", servers.passed, servers.failed);
        }
        System.exit(failures == 0 ? 0 : 1);
    }

    @Override
    public void close() {
        client.shutdown();
    }

    private void run() {
        check("brokers-registered-with-both", this::registered);
        check("every-topic-has-the-same-route", this::routes);
        check("lists", this::lists);
        check("kv", this::kv);
        check("configuration", this::configuration);
        check("write-permission", this::permission);
        check("delete-and-register-topic", this::topics);
        check("master-and-slave", this::masterAndSlave);
        check("refusals", this::refusals);
        check("lost-connection", this::lostConnection);
    }

    private void check(String name, Check.Throwing body) {
        try {
            body.run();
            System.out.println("ok " + name);
            passed++;
        } catch (Throwable thrown) {
            System.out.println("FAIL " + name + " " + String.valueOf(thrown.getMessage()).replace('\n', ' '));
            failed++;
        }
    }

    private void registered() throws Exception {
        for (String address : addresses) {
            for (String broker : brokers) {
                Check.within(40, broker + " at " + address,
                    () -> body(ask(address, request(ROUTE, "topic", broker))).contains(broker));
            }
        }
        // Both brokers have made up their minds about their topics.
        Check.within(40, "the same topics", () -> seen(addresses[0], request(206)).equals(seen(addresses[1], request(206))));
        same(request(106));
        for (String broker : brokers) {
            same(request(901, "clusterName", CLUSTER, "brokerName", broker));
        }
    }

    private void routes() throws Exception {
        List<String> topics = new ArrayList<>();
        Matcher names = QUOTED.matcher(same(request(206)));
        while (names.find()) {
            topics.add(names.group(1));
        }
        Check.that(topics.size() > 8, "topics: " + topics);
        topics.add("no-such-topic");
        for (String topic : topics) {
            same(request(ROUTE, "topic", topic));
        }
        for (int version : new int[] {317, 400, 401, 475}) {
            RemotingCommand old = request(ROUTE, "topic", "TBW102");
            old.setVersion(version);
            same(old);
        }
        same(request(ROUTE, "topic", "TBW102", "acceptStandardJsonOnly", "true"));
        same(request(ROUTE, "topic", "TBW102", "__ZONE_MODE", "true", "__ZONE_NAME", "elsewhere"));
    }

    private void lists() throws Exception {
        same(request(224, "cluster", CLUSTER));
        same(request(224, "cluster", "nowhere"));
        for (int code : new int[] {311, 312, 313}) {
            same(request(code));
        }
        same(request(901, "clusterName", CLUSTER, "brokerName", "nobody"));
        same(request(999));
    }

    private void kv() throws Exception {
        same(request(101, "namespace", "NS", "key", "k"));
        same(request(219, "namespace", "NS"));
        same(request(100, "namespace", "NS", "key", "k", "value", "a=b;c"));
        same(request(101, "namespace", "NS", "key", "k"));
        same(request(219, "namespace", "NS"));
        same(request(102, "namespace", "NS", "key", "k"));
        same(request(219, "namespace", "NS"));
        same(request(100, "key", "k", "value", "v"));
    }

    private void configuration() throws Exception {
        same(request(100, "namespace", "ORDER_TOPIC_CONFIG", "key", "TBW102", "value", brokers[0] + ":4"));
        same(request(ROUTE, "topic", "TBW102"));
        same(request(318), "orderMessageEnable=true\n");
        Check.that(same(request(ROUTE, "topic", "TBW102")).contains("orderTopicConf"), "no order configuration");
        same(request(102, "namespace", "ORDER_TOPIC_CONFIG", "key", "TBW102"));
        for (String refused : new String[] {"kvConfigPath=x\n", "configBlackList=\n", "rocketmqHome=x\n", "a=\\u00zz\n"}) {
            same(request(318), refused);
        }
    }

    private void permission() throws Exception {
        for (int code : new int[] {205, 327}) {
            same(request(code, "brokerName", brokers[0]));
            same(request(ROUTE, "topic", "TBW102"));
            same(request(ROUTE, "topic", brokers[0]));
            same(request(code, "brokerName", "nobody"));
        }
    }

    private void topics() throws Exception {
        same(request(216, "topic", "SELF_TEST_TOPIC", "clusterName", "nowhere"));
        same(request(216, "topic", "SELF_TEST_TOPIC", "clusterName", CLUSTER));
        same(request(ROUTE, "topic", "SELF_TEST_TOPIC"));
        String entry = "{\"queueDatas\":[{\"brokerName\":\"%s\",\"perm\":6,\"readQueueNums\":3,\"topicSysFlag\":1}]}";
        same(request(217, "topic", "Single"), String.format(entry, brokers[0]));
        same(request(217, "topic", "Unknown"), String.format(entry, "nobody"));
        same(request(ROUTE, "topic", "Single"));
        same(request(ROUTE, "topic", "Unknown"));
        same(request(311));
        same(request(216, "topic", "Single"));
        same(request(ROUTE, "topic", "Single"));
    }

    private void masterAndSlave() throws Exception {
        same(member(0), topics("One"));
        same(member(2, "enableActingMaster", "true"), topics("One", "Two"));
        same(request(ROUTE, "topic", "One"));
        same(member(0), topics("One", "Two"));
        same(member(2, "enableActingMaster", "true"), topics("One", "Two"));
        same(request(ROUTE, "topic", "Two"));
        same(request(322, address(0)), version(1));
        same(request(322, address(0)), version(2));
        same(request(104, address(0)));
        // The official one unregisters a moment after it has answered.
        eventually(request(ROUTE, "topic", "Two"));
        same(request(901, "clusterName", CLUSTER, "brokerName", "made-up"));
        same(request(104, address(2)));
        eventually(request(ROUTE, "topic", "Two"));
        eventually(request(106));
    }

    private void refusals() throws Exception {
        same(member(0, "bodyCrc32", "12345"), topics("One", "Two"));
        same(member(0), topics("One"));
        same(request(904, "clusterName", CLUSTER, "brokerName", "nobody", "brokerAddr", "10.0.0.1:1"));
        same(request(104, "clusterName", CLUSTER, "brokerName", "nobody", "brokerAddr", "10.0.0.1:1", "brokerId", "0"));
        for (String address : addresses) {
            RemotingCommand damaged = member(0);
            damaged.setBody("{\"topicConfigSerializeWrapper\":".getBytes(StandardCharsets.UTF_8));
            RemotingCommand answer = ask(address, damaged);
            Check.equal(1, answer.getCode(), "code of " + address);
            Check.that(answer.getRemark().contains("Failed to decode RegisterBrokerBody"), answer.getRemark());
        }
    }

    private void lostConnection() throws Exception {
        NettyRemotingClient other = new NettyRemotingClient(new NettyClientConfig());
        other.start();
        for (String address : addresses) {
            RemotingCommand member = member(0);
            member.setBody(topics("One", "Two").getBytes(StandardCharsets.UTF_8));
            Check.equal(0, other.invokeSync(address, member, 5000).getCode(), "registration");
        }
        RemotingCommand route = request(ROUTE, "topic", "Two");
        for (String address : addresses) {
            Check.equal(0, ask(address, route).getCode(), "route of a living broker");
        }
        other.shutdown();
        for (String address : addresses) {
            Check.within(10, "forgotten by " + address, () -> ask(address, route).getCode() == 17);
        }
        same(route);
        same(request(106));
    }

    // --- a broker that exists in these messages alone

    private static RemotingCommand member(int id, String... more) {
        RemotingCommand request = request(103, address(id));
        request.addExtField("haServerAddr", "10.0.0." + id + ":2");
        for (int i = 0; i < more.length; i += 2) {
            request.addExtField(more[i], more[i + 1]);
        }
        return request;
    }

    private static String[] address(int id) {
        return new String[] {
            "clusterName", CLUSTER, "brokerName", "made-up", "brokerAddr", "10.0.0." + id + ":1", "brokerId", "" + id};
    }

    private static String topics(String... topics) {
        Map<String, String> table = new TreeMap<>();
        for (String topic : topics) {
            table.put(topic, "\"" + topic + "\":{\"topicName\":\"" + topic + "\",\"perm\":6,\"readQueueNums\":3}");
        }
        return "{\"topicConfigSerializeWrapper\":{\"dataVersion\":" + version(1) + ",\"topicConfigTable\":{"
            + String.join(",", table.values()) + "}}}";
    }

    private static String version(int counter) {
        return "{\"counter\":" + counter + ",\"stateVersion\":0,\"timestamp\":1700000000000}";
    }

    // --- asking

    private static RemotingCommand request(int code, String... fields) {
        RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
        for (int i = 0; i < fields.length; i += 2) {
            request.addExtField(fields[i], fields[i + 1]);
        }
        return request;
    }

    private RemotingCommand ask(String address, RemotingCommand request) throws Exception {
        RemotingCommand copy = RemotingCommand.createRequestCommand(request.getCode(), null);
        copy.setExtFields(request.getExtFields());
        copy.setVersion(request.getVersion());
        copy.setBody(request.getBody());
        return client.invokeSync(address, copy, 5000);
    }

    private static String body(RemotingCommand answer) {
        return answer.getBody() == null ? "" : new String(answer.getBody(), StandardCharsets.UTF_8);
    }

    /** Code, remark, fields and body of an answer. */
    private String seen(String address, RemotingCommand request) throws Exception {
        RemotingCommand answer = ask(address, request);
        Map<String, String> fields = new TreeMap<>();
        if (answer.getExtFields() != null) {
            fields.putAll(answer.getExtFields());
        }
        return answer.getCode() + " " + answer.getRemark() + " " + fields + " " + CanonicalJson.of(body(answer));
    }

    private String same(RemotingCommand request, String body) throws Exception {
        request.setBody(body.getBytes(StandardCharsets.UTF_8));
        return same(request);
    }

    private String same(RemotingCommand request) throws Exception {
        String first = seen(addresses[0], request);
        Check.equal(seen(addresses[1], request), first, request.getCode() + " " + request.getExtFields());
        return first;
    }

    private void eventually(RemotingCommand request) throws Exception {
        Check.within(5, "the same answer to " + request.getCode(),
            () -> seen(addresses[0], request).equals(seen(addresses[1], request)));
        same(request);
    }
}
