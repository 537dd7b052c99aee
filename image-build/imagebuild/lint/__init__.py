"""What can be checked of ``rpi/`` where rpi-image-gen cannot build it: layers, configs, boot files, pins."""
