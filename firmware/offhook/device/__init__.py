"""The device under the phone: what is done at a start and beside the phone, each verb a root unit of its own."""
