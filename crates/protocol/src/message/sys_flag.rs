//! Bits of a message's `sysFlag` (`MessageSysFlag`, `CompressionType`).

/// The body is compressed; how, say the bits of [`COMPRESSION_TYPE`].
pub const COMPRESSED: i32 = 0x1;
/// The topic's filter type is `MULTI_TAG`.
pub const MULTI_TAGS: i32 = 0x2;
/// Mask of the transaction state.
pub const TRANSACTION: i32 = 0xC;
pub const TRANSACTION_PREPARED: i32 = 0x4;
pub const TRANSACTION_COMMIT: i32 = 0x8;
pub const TRANSACTION_ROLLBACK: i32 = 0xC;
/// The born host is an IPv6 address of 16 bytes.
pub const BORN_HOST_V6: i32 = 0x10;
/// The store host is an IPv6 address of 16 bytes.
pub const STORE_HOST_V6: i32 = 0x20;
/// The client must take the body apart as a batch.
pub const NEED_UNWRAP: i32 = 0x40;
/// One record that holds many messages (`BatchCQ` topics).
pub const INNER_BATCH: i32 = 0x80;
/// Mask of the compression type.
pub const COMPRESSION_TYPE: i32 = 0x700;
pub const COMPRESSION_LZ4: i32 = 0x100;
pub const COMPRESSION_ZSTD: i32 = 0x200;
pub const COMPRESSION_ZLIB: i32 = 0x300;

/// The transaction bits alone.
#[must_use]
pub const fn transaction(sys_flag: i32) -> i32 {
    sys_flag & TRANSACTION
}

/// The flag with the transaction bits replaced.
#[must_use]
pub const fn with_transaction(sys_flag: i32, transaction: i32) -> i32 {
    (sys_flag & !TRANSACTION) | (transaction & TRANSACTION)
}
