"""The FAT partitions and the two slots, as the boot firmware reads them."""
