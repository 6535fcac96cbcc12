"""Another language's client: publishes a day of claims with confluent-kafka's AvroSerializer, and reads topics back.

usage: clients.py publish BROKERS REGISTRY FILE    one JSON event a line; prints how many were delivered
       clients.py read BROKERS REGISTRY TOPIC      every committed record of the topic as a JSON line

Who we are to the brokers is in the environment, as for payerflow itself: PAYERFLOW_BROKER_SASL_USERNAME and _PASSWORD.

librdkafka's default partitioner hashes keys with CRC32, not murmur2: records land in other partitions than a Java or
Go client would choose, as they do from any producer that nobody configured.
"""

import datetime
import json
import os
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPICS = {
    "CLAIM_SUBMITTED": "claims.claim.submitted",
    "CLAIM_APPROVED": "claims.claim.adjudicated",
    "CLAIM_DENIED": "claims.claim.adjudicated",
    "CLAIM_PAID": "claims.claim.paid",
    "APPEAL_RESOLVED": "claims.appeal.resolved",
}


def settings(brokers, more):
    """What every client of the brokers is told."""
    out = {"bootstrap.servers": brokers, **more}
    user = os.environ.get("PAYERFLOW_BROKER_SASL_USERNAME")
    if user:
        out |= {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": user, "sasl.password": os.environ["PAYERFLOW_BROKER_SASL_PASSWORD"]}
    return out


def logical(schema):
    """The logical type of a field, also inside a nullable union."""
    if isinstance(schema, list):
        return next((logical(s) for s in schema if logical(s)), None)
    return schema.get("logicalType") if isinstance(schema, dict) else None


def typed(body, schema):
    out = {}
    for field in schema["fields"]:
        value = body.get(field["name"], field.get("default"))
        if isinstance(value, str) and logical(field["type"]) == "date":
            value = datetime.date.fromisoformat(value)
        elif isinstance(value, str) and logical(field["type"]) == "timestamp-micros":
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        out[field["name"]] = value
    return out


def publish(brokers, registry, path):
    client = SchemaRegistryClient({"url": registry})
    producer = Producer(settings(brokers, {"acks": "all", "enable.idempotence": True}))
    serializers, schemas, delivered = {}, {}, []

    def done(err, msg):
        if err is not None:
            raise SystemExit(f"delivery failed: {err.code()}")
        delivered.append(msg.offset())

    for line in open(path):
        body = json.loads(line)
        topic = TOPICS[body["eventType"]]
        if topic not in serializers:
            latest = client.get_latest_version(topic + "-value")
            schemas[topic] = json.loads(latest.schema.schema_str)
            serializers[topic] = AvroSerializer(client, conf={"auto.register.schemas": False, "use.latest.version": True})
        value = serializers[topic](typed(body, schemas[topic]), SerializationContext(topic, MessageField.VALUE))
        producer.produce(topic, key=body["claimId"].encode(), value=value, on_delivery=done)
        producer.poll(0)
    producer.flush(30)
    print(len(delivered))


def read(brokers, registry, topic):
    client = SchemaRegistryClient({"url": registry})
    decode = AvroDeserializer(client)
    consumer = Consumer(settings(brokers, {"group.id": "clients.py", "isolation.level": "read_committed",
                                           "enable.auto.commit": False, "auto.offset.reset": "earliest", "enable.partition.eof": True}))
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    ended = set()
    while len(ended) < len(partitions):
        msg = consumer.poll(10)
        if msg is None:
            raise SystemExit("no end of the topic within 10 s")
        if msg.error():
            ended.add(msg.partition())
            continue
        value = decode(msg.value(), SerializationContext(topic, MessageField.VALUE))
        print(json.dumps({"key": msg.key().decode(), "value": value}, default=str))
    consumer.close()


if __name__ == "__main__":
    {"publish": publish, "read": read}[sys.argv[1]](*sys.argv[2:])
