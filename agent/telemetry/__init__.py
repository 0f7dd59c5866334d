"""What the device tells others: reports and commands over MQTT, Home Assistant, Sparkplug B, Prometheus."""
