"""A messaging provider for local use: takes messages for SMS, WhatsApp and e-mail, shows them, sends delivery receipts.

Nothing leaves the machine: a delivered message is one on the provider's page. It knows nothing of its customer but an
API key and a webhook. See README.md.
"""
