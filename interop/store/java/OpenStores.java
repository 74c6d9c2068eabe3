import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.config.MessageStoreConfig;

/**
 * Opens store directories with Apache's own store classes and writes down what they show.
 *
 * <pre>OpenStores JOBS WORKERS</pre>
 *
 * A line of JOBS is name, root, broker.conf, questions and the file to write, between tabs. Prints one line for each job
 * as it is done. Directories are changed as a broker that starts and stops would change them.
 */
public final class OpenStores {
    private OpenStores() {
    }

    public static void main(String[] args) throws Exception {
        List<String> jobs = Files.readAllLines(Path.of(args[0]));
        ExecutorService workers = Executors.newFixedThreadPool(Integer.parseInt(args[1]));
        List<Future<String>> results = new ArrayList<>();
        for (String job : jobs) {
            results.add(workers.submit(() -> run(job.split("\t", -1))));
        }
        for (Future<String> result : results) {
            System.out.println(result.get());
        }
        workers.shutdown();
        // Threads of the stores may be left.
        System.exit(0);
    }

    private static String run(String[] job) {
        String name = job[0];
        Path root = Path.of(job[1]);
        Path out = Path.of(job[4]);
        try {
            MessageStoreConfig config = config(root, Path.of(job[2]));
            DefaultMessageStore store = open(root, config);
            Files.writeString(out, new Listing(store, config, Files.readAllLines(Path.of(job[3]))).text());
            store.shutdown();
            return name + " opened";
        } catch (Throwable problem) {
            problem.printStackTrace();
            try {
                Files.writeString(out, "{\"opened\":false,\"error\":" + Listing.quoted(String.valueOf(problem)) + "}");
            } catch (Exception second) {
                problem.addSuppressed(second);
            }
            return name + " refused: " + problem;
        }
    }

    private static MessageStoreConfig config(Path root, Path file) throws Exception {
        Properties properties = new Properties();
        try (InputStream in = Files.newInputStream(file)) {
            properties.load(in);
        }
        MessageStoreConfig config = new MessageStoreConfig();
        MixAll.properties2Object(properties, config);
        config.setStorePathRootDir(root.toString());
        String logs = properties.getProperty("storePathCommitLog", "commitlog");
        List<String> paths = new ArrayList<>();
        for (String path : logs.split(",")) {
            paths.add(root.resolve(path).toString());
        }
        config.setStorePathCommitLog(String.join(",", paths));
        // Any free port will do.
        config.setHaListenPort(0);
        return config;
    }

    private static DefaultMessageStore open(Path root, MessageStoreConfig config) throws Exception {
        DefaultMessageStore store = Release.store(config, root);
        if (!store.load()) {
            throw new IllegalStateException("message store load failed");
        }
        store.start();
        long deadline = System.currentTimeMillis() + 30_000;
        while (store.dispatchBehindBytes() > 0) {
            if (System.currentTimeMillis() > deadline) {
                throw new IllegalStateException("the queues stay behind the log");
            }
            Thread.sleep(5);
        }
        return store;
    }
}
