/**
 * Asks something.
 */
export type Ask = string;

/**
 * Asks for numbers.
 */
export type Count = {
/**
 * The first.
 */
from: number, };

/**
 * Asks for the same value.
 */
export type Echo = Value;

/**
 * Tells something.
 */
export type Say = string;

/**
 * A choice.
 */
export type Shape = "Point" | { "Circle": number } | { "Box": {
/**
 * Across.
 */
width: number,
/**
 * Along.
 */
height: number, } };

/**
 * Asks for the same map.
 */
export type Swap = Map<number | bigint, string>;

/**
 * A value of many kinds.
 */
export type Value = {
/**
 * A number that JavaScript has exactly.
 */
small: number | bigint,
/**
 * One that it may not.
 */
large: number | bigint,
/**
 * One below zero.
 */
negative: number | bigint,
/**
 * One that is not whole.
 */
fraction: number,
/**
 * Nothing, or something.
 */
maybe: string | null,
/**
 * A choice.
 */
shapes: Array<Shape>,
/**
 * Bytes.
 */
bytes: Uint8Array,
/**
 * Names and numbers.
 */
map: { [key in string]: number },
/**
 * A point in time, as its ISO text.
 */
date: string,
/**
 * Nothing at all.
 */
unit: null,
/**
 * Two of different kinds.
 */
pair: [number, boolean],
/**
 * A letter.
 */
letter: string, };

/** A function for each effect. */
export interface Handlers {
    Ask: (operation: Ask, context: HandlerContext) => Answer<string>;
    Count: (operation: Count, context: HandlerContext) => Items<number>;
    Echo: (operation: Echo, context: HandlerContext) => Answer<Value>;
    Say: (operation: Say) => void | Promise<void>;
    Swap: (operation: Swap, context: HandlerContext) => Answer<Swap>;
}
