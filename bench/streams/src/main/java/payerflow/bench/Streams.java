package payerflow.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;
import payerflow.bench.wire.Adjudicated;
import payerflow.bench.wire.Change;
import payerflow.bench.wire.Paid;
import payerflow.bench.wire.Resolved;
import payerflow.bench.wire.Status;
import payerflow.bench.wire.Submitted;

/**
 * The same work in Kafka Streams. Arguments: fold or recover, application id, view topic, state directory. Says on standard output
 * when it has seen the first record and when its tables are restored, and stops when standard input ends.
 */
public final class Streams {
  static final List<String> TOPICS =
      List.of("bench.claim.submitted", "bench.claim.adjudicated", "bench.claim.paid", "bench.appeal.resolved");
  static final int STATUS = 105;

  /** Avro in the Confluent frame; the id says which class. Serdes are shared by the stream threads, decoders cannot be. */
  static final class Reader<T extends SpecificRecord> implements Deserializer<T> {
    private final Map<Integer, Class<? extends T>> classes;
    private final ThreadLocal<Map<Integer, SpecificDatumReader<T>>> readers;
    private final ThreadLocal<BinaryDecoder> decoders = new ThreadLocal<>();

    Reader(Map<Integer, Class<? extends T>> classes) {
      this.classes = classes;
      this.readers = ThreadLocal.withInitial(this::make);
    }

    @SuppressWarnings("unchecked")
    private Map<Integer, SpecificDatumReader<T>> make() {
      var made = new java.util.HashMap<Integer, SpecificDatumReader<T>>();
      classes.forEach((id, c) -> made.put(id, new SpecificDatumReader<>((Class<T>) c)));
      return made;
    }

    @Override
    public T deserialize(String topic, byte[] b) {
      if (b == null) return null;
      try {
        var decoder = DecoderFactory.get().binaryDecoder(b, 5, b.length - 5, decoders.get());
        decoders.set(decoder);
        return readers.get().get(ByteBuffer.wrap(b, 1, 4).getInt()).read(null, decoder);
      } catch (IOException e) {
        throw new RuntimeException(e);
      }
    }
  }

  static final class Writer implements Serializer<Status> {
    private final SpecificDatumWriter<Status> writer = new SpecificDatumWriter<>(Status.class);
    private final ThreadLocal<ByteArrayOutputStream> outs = ThreadLocal.withInitial(() -> new ByteArrayOutputStream(1024));
    private final ThreadLocal<BinaryEncoder> encoders = new ThreadLocal<>();

    @Override
    public byte[] serialize(String topic, Status s) {
      if (s == null) return null;
      try {
        var out = outs.get();
        out.reset();
        out.write(new byte[] {0, 0, 0, 0, STATUS});
        var encoder = EncoderFactory.get().directBinaryEncoder(out, encoders.get());
        encoders.set(encoder);
        writer.write(s, encoder);
        return out.toByteArray();
      } catch (IOException e) {
        throw new RuntimeException(e);
      }
    }
  }

  static Status fold(Status s, SpecificRecord event) {
    String to, at;
    if (event instanceof Submitted e) {
      s.setClaimId(e.getClaimId());
      s.setMemberId(e.getMemberId());
      s.setBilled(e.getBilledAmount());
      to = "SUBMITTED";
      at = e.getOccurredAt();
    } else if (event instanceof Adjudicated e) {
      s.setClaimId(e.getClaimId());
      s.setMemberId(e.getMemberId());
      s.setAllowed(e.getAllowedAmount());
      to = e.getDecision();
      at = e.getOccurredAt();
    } else if (event instanceof Paid e) {
      s.setClaimId(e.getClaimId());
      s.setMemberId(e.getMemberId());
      s.setPaid(e.getPaidAmount());
      to = "PAID";
      at = e.getOccurredAt();
    } else if (event instanceof Resolved e) {
      s.setClaimId(e.getClaimId());
      s.setMemberId(e.getMemberId());
      to = "APPEAL_" + e.getOutcome();
      at = e.getOccurredAt();
    } else {
      throw new IllegalArgumentException(event.getClass().getName());
    }
    var history = s.getHistory();
    int i = history.size();
    while (i > 0 && history.get(i - 1).getAt().compareTo(at) > 0) i--;
    history.add(i, new Change(to, at));
    if (at.compareTo(s.getLastEventAt()) >= 0) {
      s.setStatus(to);
      s.setLastEventAt(at);
    }
    return s;
  }

  static synchronized void tell(String what) {
    var now = java.time.Instant.now();
    System.out.println(what + " " + (now.getEpochSecond() * 1_000_000_000L + now.getNano()));
    System.out.flush();
  }

  public static void main(String[] args) throws Exception {
    boolean recover = args[0].equals("recover");
    var p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "127.0.0.1:19092");
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    p.put(StreamsConfig.consumerPrefix("max.poll.records"), 5000);
    p.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
    p.put(StreamsConfig.producerPrefix("batch.size"), 128 << 10);

    Serde<SpecificRecord> events = Serdes.serdeFrom(
        (topic, e) -> { throw new UnsupportedOperationException(); },
        new Reader<>(Map.of(101, Submitted.class, 102, Adjudicated.class, 103, Paid.class, 104, Resolved.class)));
    Serde<Status> rows = Serdes.serdeFrom(new Writer(), new Reader<>(Map.of(STATUS, Status.class)));
    var first = new AtomicBoolean();
    var b = new StreamsBuilder();
    b.stream(TOPICS, Consumed.with(Serdes.String(), events))
        .groupByKey(Grouped.with(Serdes.String(), events))
        .aggregate(
            () -> new Status("", "", "", "", "", "", "", new ArrayList<>()),
            (key, event, s) -> {
              if (!first.get() && first.compareAndSet(false, true)) tell("first");
              return fold(s, event);
            },
            Materialized.<String, Status, KeyValueStore<Bytes, byte[]>>as("status").withKeySerde(Serdes.String()).withValueSerde(rows))
        .toStream()
        .to(args[2], Produced.with(Serdes.String(), rows));
    var streams = new KafkaStreams(b.build(p), p);
    if (recover) {
      streams.setStateListener((now, before) -> { if (now == KafkaStreams.State.RUNNING) tell("recovered"); });
    }
    streams.start();
    System.in.read();
    // A plain close keeps the membership, and the next start waits for the session timeout.
    streams.close(new KafkaStreams.CloseOptions().leaveGroup(true).timeout(Duration.ofSeconds(60)));
  }

  private Streams() {}
}
