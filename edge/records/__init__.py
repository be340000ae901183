"""Records of every inspection: the journal, from which MQTT is served, and the archive of images."""
