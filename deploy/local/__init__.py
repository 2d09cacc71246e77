"""The whole of Perisai on one machine: Kafka, PostgreSQL, the outside parties and the services, under one supervisor."""
