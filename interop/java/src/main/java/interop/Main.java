package interop;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs named cases with the client release on the class path and prints {@code ok NAME} or {@code FAIL NAME reason} for
 * each, then {@code N passed, N failed}. Cases run side by side, since most of them wait; those that disturb the server
 * run alone at the end.
 */
public final class Main {
    private static final int CASES_AT_ONCE = 4;
    private static final int CASE_SECONDS_MAX = 120;
    /** Those that restart a server wait for it, too. */
    private static final int CASE_ALONE_SECONDS_MAX = 240;

    /** One behaviour; it fails by throwing. */
    interface Case {
        void run(Scope scope) throws Throwable;
    }

    private final Map<String, Case> together = new LinkedHashMap<>();
    private final Map<String, Case> alone = new LinkedHashMap<>();

    void add(String name, Case body) {
        together.put(name, body);
    }

    void addAlone(String name, Case body) {
        alone.put(name, body);
    }

    public static void main(String[] args) {
        Check.orEnd(() -> run(args));
    }

    private static void run(String[] args) throws Exception {
        String namesrv = "127.0.0.1:9876";
        String only = ".*";
        String signals = null;
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--namesrv": namesrv = args[++i]; break;
                case "--only": only = args[++i]; break;
                case "--signals": signals = args[++i]; break;
                default: throw new IllegalArgumentException("unknown option " + args[i]);
            }
        }
        Main main = new Main();
        ProducerCases.register(main);
        PushCases.register(main);
        PullCases.register(main);
        StartOffsetCases.register(main);
        ErrorCases.register(main);
        BatchQueueCases.register(main);
        DelayCases.register(main);
        GroupCases.register(main);
        if (signals != null) {
            RestartCase.register(main, signals);
        }
        try (Target target = new Target(namesrv)) {
            int failed = main.runAll(target, only);
            System.exit(failed == 0 ? 0 : 1);
        }
    }

    private int runAll(Target target, String only) throws InterruptedException {
        List<String> failures = new ArrayList<>();
        int passed = 0;
        passed += runSome(target, select(together, only), CASES_AT_ONCE, CASE_SECONDS_MAX, failures);
        passed += runSome(target, select(alone, only), 1, CASE_ALONE_SECONDS_MAX, failures);
        System.out.printf("%d passed, %d failed%n", passed, failures.size());
        return failures.size();
    }

    private static Map<String, Case> select(Map<String, Case> cases, String only) {
        Map<String, Case> chosen = new LinkedHashMap<>(cases);
        chosen.keySet().removeIf(name -> !name.matches(only));
        return chosen;
    }

    private static int runSome(Target target, Map<String, Case> cases, int atOnce, int seconds, List<String> failures)
        throws InterruptedException {
        ExecutorService pool = Executors.newFixedThreadPool(atOnce, Main::daemon);
        ExecutorService watchers = Executors.newFixedThreadPool(atOnce, Main::daemon);
        Map<String, Future<String>> results = new LinkedHashMap<>();
        cases.forEach((name, body) -> results.put(name, watchers.submit(() -> watch(pool, target, name, body, seconds))));
        int passed = 0;
        for (Map.Entry<String, Future<String>> result : results.entrySet()) {
            try {
                if (result.getValue().get() == null) {
                    passed++;
                } else {
                    failures.add(result.getKey());
                }
            } catch (ExecutionException broken) {
                failures.add(result.getKey());
                System.out.println("FAIL " + result.getKey() + " " + broken.getCause());
            }
        }
        pool.shutdownNow();
        watchers.shutdownNow();
        return passed;
    }

    /** Runs one case under its time limit and prints its line; gives the reason of a failure, or null. */
    private static String watch(ExecutorService pool, Target target, String name, Case body, int seconds)
        throws InterruptedException {
        long began = System.nanoTime();
        Future<?> run = pool.submit(() -> {
            try (Scope scope = new Scope(target, name)) {
                body.run(scope);
            } catch (Exception | Error thrown) {
                throw thrown;
            } catch (Throwable thrown) {
                throw new IllegalStateException(thrown);
            }
            return null;
        });
        String reason = null;
        try {
            run.get(seconds, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            run.cancel(true);
            reason = "still running after " + seconds + " s";
        } catch (ExecutionException thrown) {
            reason = explain(thrown.getCause());
        }
        double took = (System.nanoTime() - began) / 1e9;
        System.out.println(reason == null
            ? String.format("ok %s (%.1f s)", name, took)
            : String.format("FAIL %s %s (%.1f s)", name, reason, took));
        return reason;
    }

    private static String explain(Throwable thrown) {
        StringBuilder text = new StringBuilder(String.valueOf(thrown).replace('\n', ' '));
        for (StackTraceElement frame : thrown.getStackTrace()) {
            if (frame.getClassName().startsWith("interop.") && !frame.getClassName().equals("interop.Check")) {
                text.append(" at ").append(frame.getFileName()).append(':').append(frame.getLineNumber());
                break;
            }
        }
        return text.toString();
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }
}
