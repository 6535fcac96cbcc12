package embedded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
)

// ends holds end offsets by topic id and partition. kfake takes an empty
// partition to start at offset 0 again; consumers would then skip what is
// written next, because their committed offset lies beyond it.
type ends map[string]map[int32]int64

// saveEnds notes the end of each partition that retention may empty.
func (b *Broker) saveEnds(topics []storedTopic) error {
	found := ends{}
	for _, t := range topics {
		if !t.retained() {
			continue
		}
		byPartition := map[int32]int64{}
		for _, p := range b.cluster.PartitionInfos(t.Name) {
			byPartition[p.Partition] = p.HighWatermark
		}
		found[t.ID] = byPartition
	}
	data, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(b.dir, endsFile), data)
}

// holdEnds gives each partition that has no segment, but once had records, one
// empty batch before its end, as Kafka itself leaves after compaction.
func holdEnds(dir string) error {
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	saved := ends{}
	if data, err := os.ReadFile(filepath.Join(dir, endsFile)); err == nil {
		if err := json.Unmarshal(data, &saved); err != nil {
			return err
		}
	} else if !os.IsNotExist(err) {
		return err
	}
	for _, t := range topics {
		for p := range t.Partitions {
			if err := holdEnd(partitionDir(dir, t.Name, p), saved[t.ID][p]); err != nil {
				return err
			}
		}
	}
	return nil
}

// holdEnd takes the later of the noted end and the one of the last clean close.
func holdEnd(pdir string, end int64) error {
	segments, err := segmentBases(pdir)
	if err != nil || len(segments) > 0 {
		return err
	}
	data, err := os.ReadFile(filepath.Join(pdir, "snapshot.json"))
	if err == nil {
		var snapshot struct {
			HighWatermark int64 `json:"high_watermark"`
		}
		if err := json.Unmarshal(data, &snapshot); err != nil {
			return err
		}
		end = max(end, snapshot.HighWatermark)
	} else if !os.IsNotExist(err) {
		return err
	}
	if end == 0 {
		return nil
	}
	if err := os.MkdirAll(pdir, 0o755); err != nil {
		return err
	}
	base := end - 1
	if err := writeFile(indexPath(pdir, base), indexEntry(batchHead{})); err != nil {
		return err
	}
	return writeFile(segmentPath(pdir, base), emptyBatch(base))
}

func segmentPath(pdir string, base int64) string {
	return filepath.Join(pdir, strconv.FormatInt(base, 10)+".dat")
}

func indexPath(pdir string, base int64) string {
	return filepath.Join(pdir, strconv.FormatInt(base, 10)+".idx")
}
