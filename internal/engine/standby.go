package engine

// followedTo is where goka is told that a changelog ends whose rows are a
// standby's: where they are now. goka's sessions begin when all partitions are
// at their ends, and those that this worker folds are not to wait for rows that
// it does not need yet, nor for the open transaction of whoever writes them.
// What follows is read while records are folded.
func (rt *runtime) followedTo(topic string, partition int32) (int64, error) {
	start, err := rt.offset(topic, partition, oldest)
	if err != nil {
		return 0, err
	}
	have, _ := rt.p.followed(topic).Offset(partition)
	return max(start, have+1), nil
}

// follow has a standby's rows gathered until the changelog is read up to end;
// then each is written when it comes.
func (st *store) follow(end int64) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.end = end
	return st.arrive()
}

// arrive notes that a standby has come to the end that it was told. mu is held.
func (st *store) arrive() error {
	if !st.standby || st.recovered.Load() || st.offset+1 < st.end {
		return nil
	}
	st.recovered.Store(true)
	return st.flush()
}
