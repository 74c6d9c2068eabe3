package interop;

import java.util.Objects;
import java.util.concurrent.Callable;

/** Expectations that say what was seen instead, and waiting with a deadline. */
final class Check {
    private Check() {
    }

    static void that(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    static void equal(Object expected, Object seen, String what) {
        that(Objects.equals(expected, seen), what + ": expected " + expected + ", saw " + seen);
    }

    /** What is expected to throw; gives what was thrown. */
    interface Throwing {
        void run() throws Throwable;
    }

    static <T extends Throwable> T thrown(Class<T> kind, Throwing body) {
        try {
            body.run();
        } catch (Throwable thrown) {
            if (kind.isInstance(thrown)) {
                return kind.cast(thrown);
            }
            throw new AssertionError("expected " + kind.getSimpleName() + ", got " + thrown, thrown);
        }
        throw new AssertionError("expected " + kind.getSimpleName() + ", nothing was thrown");
    }

    /** A program's whole work: what it throws ends the process, which threads of clients would keep alive. */
    static void orEnd(Throwing work) {
        try {
            work.run();
        } catch (Throwable thrown) {
            thrown.printStackTrace();
            System.exit(2);
        }
    }

    static void within(int seconds, String what, Callable<Boolean> holds) throws Exception {
        long deadline = System.nanoTime() + seconds * 1_000_000_000L;
        while (!holds.call()) {
            that(System.nanoTime() < deadline, "not within " + seconds + " s: " + what);
            Thread.sleep(30);
        }
    }
}
