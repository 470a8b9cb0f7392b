// The first byte of every value, and the limits that writer and reader share.

// 0x00 to 0x5f: the integers 0 to 95 themselves.
export const SMALL_INTS = 0x60
/** 0x60 to 0x9f: a string of 0 to 63 characters up to U+00FF, one byte each. */
export const SHORT_TEXT = 0x60
/** 0xa0 to 0xaf: an array of 0 to 15. */
export const SHORT_LIST = 0xa0

/** Two bytes of shape, then the values in the order of its keys. */
export const OBJECT = 0xb0
/** Two bytes (1: null prototype), values up to an END, then as many keys. */
export const LOOSE = 0xb1
export const UNDEFINED = 0xb2
export const NULL = 0xb3
export const TRUE = 0xb4
export const FALSE = 0xb5
export const INT8 = 0xb6
export const INT16 = 0xb7
export const INT32 = 0xb8
export const DOUBLE = 0xb9
/** Four bytes of length in bytes, then UTF-8. */
export const TEXT = 0xba
/** One byte of length in code units, then UTF-16, little end first. */
export const SHORT_WIDE = 0xbb
/** Four bytes of length in code units, then UTF-16. For lone surrogates, and for what is mostly beyond U+00FF. */
export const WIDE = 0xbc
/** A length, then items. */
export const LIST = 0xbd
/** A place in an array where nothing is. */
export const HOLE = 0xbe
/** The number of an object met before in the same message. */
export const AGAIN = 0xbf
/** Twelve bytes: address, age, class. */
export const REF = 0xc0
/** Ends what has no length. */
export const END = 0xc1

// What follows is rare: one function each reads them, from a table.
export const RARE = 0xc2
export const BIGINT64 = 0xc2
/** A sign (0, 1), then a string of hexadecimal digits. */
export const BIGINT = 0xc3
export const MAP = 0xc4
export const SET = 0xc5
export const DATE = 0xc6
export const REGEXP = 0xc7
/** A kind, then keys and values up to an END. */
export const ERROR = 0xc8
/** A name, a message, a stack. */
export const DOM_EXCEPTION = 0xc9
/** A kind, a length in bytes, the bytes. */
export const VIEW = 0xca
/** A kind and the place of an attachment. */
export const VIEW_ATTACHED = 0xcb
/** A kind, the number of a moved buffer, an offset in bytes, a length in items. */
export const VIEW_MOVED = 0xcc
export const BUFFER = 0xcd
export const BUFFER_ATTACHED = 0xce
export const BUFFER_MOVED = 0xcf
export const URL_TEXT = 0xd0
export const URL_PARAMS = 0xd1
export const BOXED = 0xd2
/** The name of a registered class, then its data. */
export const INSTANCE = 0xd3
/** As REF, and a path. */
export const REF_AT = 0xd4

/** The first byte of a message whose reader has to number objects. */
export const NUMBERED = 1

/** How many objects may stand inside each other. A reader refuses more, so that no bytes exhaust its stack. */
export const DEEPEST = 1000

/** From this many bytes on, they go beside the message rather than into it. */
export const LARGE = 16_384
