/** A core that runs in this page or worker, with handlers that perform its effects. */
export interface Host {
    /**
     * Ends the core: its tasks are dropped, the signals of all handlers that are under way are aborted, and the last
     * notifications are delivered. Gives the report; `undefined` only where the core's own code calls it in the midst
     * of a turn, at whose end the host is closed then.
     */
    close(): HostReport | undefined;
    /** As `close`, and does nothing where it is closed. */
    [Symbol.dispose](): void;
    /** What the core holds now: nothing before its first turn, in a microtask after it was started. */
    snapshot(): HostSnapshot;
    /** What the core has seen since it was made. */
    totals(): HostTotals;
    /** Whether it is closed. */
    readonly isClosed: boolean;
}

/** What a handler of a request or a stream is given beside the operation. */
export interface HandlerContext {
    /** The request's number, as in `HostSnapshot`. */
    readonly id: number;
    /** Aborted when the core has no use for the answer; its `reason` says why. */
    readonly signal: AbortSignal;
}

/** What a teardown found, and what it left. */
export interface HostReport {
    /** Tasks that were alive. */
    tasks: number;
    /** Requests and streams that were pending. */
    requests: number;
    /** Messages to the core that were waiting. */
    messages: number;
    /** Last notifications, which were delivered. */
    notifications: number;
    /** Handlers that were told by their signal. */
    cancelled: number;
    /** What should be gone and is not. */
    leaks: { task: string; name: string | null; place: string; text: string }[];
    /** What somebody outside still held then. It keeps nothing alive, and is no leak. */
    outstanding: { spawners: number; shells: number; joinHandles: number; resolvers: number; feeds: number };
    totals: HostTotals;
    /** Whether nothing is left but what may be. */
    isBaseline: boolean;
    /** All of it in one line. */
    text: string;
}

/** What a core has seen since it was made. */
export interface HostTotals {
    tasks: number;
    requests: number;
    cancelled: number;
    effects: number;
    peakTasks: number;
    peakRequests: number;
}

/** What a core holds at one moment. */
export interface HostSnapshot {
    tasks: HostTask[];
    requests: {
        id: number;
        /** The operation's type in Rust. */
        operation: string;
        /** The effect's name, once its handler has been called. */
        effect: string | null;
        kind: "request" | "stream";
        /**
         * `waiting`: for a place, where the executor has limits. `answered`: something is here that the core has not
         * read.
         */
        state: "waiting" | "untaken" | "taken" | "answered";
        /** The `id` of the task that waits for it. */
        task: string;
        /** The place that made it. */
        place: string;
        /** Whether its handler has been called. */
        taken: boolean;
        /** Answers that the core has not read. */
        queued: number;
        /** Whether its handler failed, or ended the stream, and the core has not read so. */
        hasEnded: boolean;
        /** How many turns have begun since it was made. */
        age: number;
    }[];
    /** How many turns have begun. */
    turn: number;
    /** Messages to the core that wait to be taken in. */
    messages: number;
    /** Tasks that have ended, and are still held on to by a join handle or a waker. */
    ended: HostTask[];
}

/** A task of a core. */
export interface HostTask {
    id: string;
    name: string | null;
    /** The place that spawned it. */
    place: string;
    /** How many requests and streams it waits for. */
    requests: number;
    /** `ready`: the next turn polls it. */
    state: "ready" | "waiting" | "ended";
    /** How often it was polled, up to 65,535. */
    polls: number;
    /** How many turns have begun since it was taken in. */
    age: number;
    /** Whether its join handle is held. */
    isJoined: boolean;
    /** The ids of the requests and streams that it waits for. */
    awaits: number[];
}

/** What a handler of a request gives. */
export type Answer<T> = T | PromiseLike<T>;

/** What a handler of a stream gives. */
export type Items<T> = AnyItems<T> | PromiseLike<AnyItems<T>>;
export type AnyItems<T> = AsyncIterable<T> | Iterable<T | PromiseLike<T>> | ReadableStream<T>;
