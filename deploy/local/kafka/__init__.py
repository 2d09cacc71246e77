"""Apache Kafka from plain jars, each compared with the committed lock before it is run."""
