//! `checkpoint`: up to where the parts of the store are known to be durable (`StoreCheckpoint`).

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, Reserve};

const CHECKPOINT_BYTES: usize = 4096;
const USED_BYTES: usize = 48;

/// Behind the fields, where Java leaves zeros and never looks: their checksum and that of
/// `index_physical`, which comes behind it, when this broker wrote them last. Then everything below
/// `queues_physical` is durable, not only dispatched.
const SEAL_BYTES: usize = 4;
const INDEX_BYTES: usize = 8;
const INDEX_AT: usize = USED_BYTES + SEAL_BYTES;
const SEAL_SALT: &[u8] = b"ferrocket";

/// The fields in the order of the file; 4.x knows the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Checkpoint {
    /// Store time up to which the commit log is durable.
    pub(crate) log_ms: i64,
    /// Store time up to which the consume queues are durable.
    pub(crate) queues_ms: i64,
    /// Store time up to which the index is durable.
    pub(crate) index_ms: i64,
    pub(crate) master_flushed: i64,
    pub(crate) confirmed: i64,
    /// The last record whose queue entries are durable; 0 when unknown.
    pub(crate) queues_physical: i64,
    /// All entries of the index files for records before this one are durable; 0 when unknown. Ours:
    /// messages that were stored in the same millisecond, as all are while a clock that was set back
    /// catches up, cannot be told by `index_ms`.
    pub(crate) index_physical: i64,
}

impl Checkpoint {
    /// Reads the fields that are there; none are when the file is missing.
    pub(crate) fn decode(content: &[u8]) -> Self {
        let long_at = |at: usize| {
            let bytes = content.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| i64::from_be_bytes(*bytes))
        };
        let field = |index: usize| long_at(index * 8);
        Self {
            log_ms: field(0),
            queues_ms: field(1),
            index_ms: field(2),
            master_flushed: field(3),
            confirmed: field(4),
            queues_physical: field(5),
            index_physical: long_at(INDEX_AT),
        }
    }

    pub(crate) fn encode(&self) -> [u8; USED_BYTES] {
        let fields = [
            self.log_ms,
            self.queues_ms,
            self.index_ms,
            self.master_flushed,
            self.confirmed,
            self.queues_physical,
        ];
        let mut encoded = [0; USED_BYTES];
        for (slot, field) in encoded.as_chunks_mut::<8>().0.iter_mut().zip(fields) {
            *slot = field.to_be_bytes();
        }
        encoded
    }

    fn seal(&self) -> [u8; SEAL_BYTES] {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(SEAL_SALT);
        hasher.update(&self.encode());
        hasher.update(&self.index_physical.to_be_bytes());
        hasher.finalize().to_be_bytes()
    }

    /// The store time before which everything is durable, with the slack that Java takes for what
    /// 4.x writes there (`getMinTimestamp`).
    pub(crate) fn safe_ms(&self) -> i64 {
        self.log_ms.min(self.queues_ms).saturating_sub(3000).max(0)
    }
}

#[derive(Debug)]
pub(crate) struct CheckpointFile {
    file: Arc<dyn DiskFile>,
    pub(crate) current: Checkpoint,
    /// This broker wrote it, and no other since.
    pub(crate) is_ours: bool,
}

impl CheckpointFile {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let content = match disk.read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let file = disk.create(path, CHECKPOINT_BYTES as u64, Reserve::Lazily)?;
        let mut current = Checkpoint::decode(&content);
        let seal = content.get(USED_BYTES..USED_BYTES + SEAL_BYTES);
        let is_ours = seal == Some(&current.seal());
        if !is_ours {
            current.index_physical = 0;
        }
        Ok(Self {
            file,
            current,
            is_ours,
        })
    }

    /// The checkpoint that vouches for nothing from the record at `physical` on, which was stored at
    /// `store_ms`. What another broker confirmed need not be durable.
    pub(crate) fn lowered_to(&self, physical: i64, store_ms: i64) -> Checkpoint {
        Checkpoint {
            queues_ms: self.current.queues_ms.min(store_ms),
            index_ms: self.current.index_ms.min(store_ms),
            queues_physical: self.current.queues_physical.min(physical),
            index_physical: self.current.index_physical.min(physical),
            confirmed: if self.is_ours {
                self.current.confirmed
            } else {
                0
            },
            ..self.current
        }
    }

    /// Replaces the content, durably. The fields lie within one sector.
    pub(crate) fn store(&mut self, checkpoint: Checkpoint) -> io::Result<()> {
        self.write(checkpoint)?;
        self.sync(checkpoint)
    }

    /// The first half of [`store`](Self::store): when it fails, nothing is lost.
    pub(crate) fn write(&self, checkpoint: Checkpoint) -> io::Result<()> {
        let mut content = [0; USED_BYTES + SEAL_BYTES + INDEX_BYTES];
        let (fields, ours) = content.split_at_mut(USED_BYTES);
        let (seal, index) = ours.split_at_mut(SEAL_BYTES);
        fields.copy_from_slice(&checkpoint.encode());
        seal.copy_from_slice(&checkpoint.seal());
        index.copy_from_slice(&checkpoint.index_physical.to_be_bytes());
        self.file.write_all_at(&content, 0)
    }

    /// Vouches, durably, for no entry of the index from `physical` on: what is written there again
    /// is not durable at once, and a start must not believe it before it is.
    pub(crate) fn disown_index(&mut self, physical: i64) -> io::Result<()> {
        if physical >= self.current.index_physical {
            return Ok(());
        }
        self.store(Checkpoint {
            index_physical: physical,
            ..self.current
        })
    }

    /// The second half of [`store`](Self::store): when it fails, nothing is known of the file any more.
    pub(crate) fn sync(&mut self, written: Checkpoint) -> io::Result<()> {
        self.file.sync()?;
        self.current = written;
        self.is_ours = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn has_the_bytes_of_the_worked_example() {
        let checkpoint = Checkpoint {
            log_ms: 1_700_000_000_123,
            queues_ms: 1_700_000_000_123,
            confirmed: 101,
            ..Checkpoint::default()
        };
        let encoded = checkpoint.encode();
        let mut wanted = [0_u8; USED_BYTES];
        wanted[..8].copy_from_slice(&[0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
        wanted[8..16].copy_from_slice(&[0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
        wanted[39] = 0x65;
        assert_eq!(encoded, wanted);
        assert_eq!(Checkpoint::decode(&encoded), checkpoint);
        assert_eq!(checkpoint.safe_ms(), 1_699_999_997_123);
    }

    #[test]
    fn a_file_of_4x_or_none_reads_as_zeros() {
        assert_eq!(Checkpoint::decode(&[]), Checkpoint::default());
        let short = Checkpoint::decode(&[0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!((short.log_ms, short.queues_ms), (7, 0));
    }

    proptest! {
        #[test]
        fn any_checkpoint_reads_back(fields in any::<[i64; 6]>()) {
            let [log_ms, queues_ms, index_ms, master_flushed, confirmed, queues_physical] = fields;
            let checkpoint = Checkpoint { log_ms, queues_ms, index_ms, master_flushed, confirmed, queues_physical, index_physical: 0 };
            prop_assert_eq!(Checkpoint::decode(&checkpoint.encode()), checkpoint);
        }

        #[test]
        fn any_bytes_are_some_checkpoint(content in proptest::collection::vec(any::<u8>(), 0..100)) {
            let checkpoint = Checkpoint::decode(&content);
            prop_assert!(content.len() >= 48 || checkpoint.queues_physical == 0);
        }
    }
}
