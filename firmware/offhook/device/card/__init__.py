"""The file on the FAT partition, taken over at any start at which it is new."""
