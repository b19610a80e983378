#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the events that uniadpublish publishes to an MQTT broker. Needs paho-mqtt.

usage: mqtt_events.py HOST PORT [PREFIX]
"""
import json
import sys

from paho.mqtt import subscribe


def print_event(_client, _userdata, message):
    line = json.loads(message.payload)
    event = line["event"]
    print(f"{line['source']}: {event['state']} of {event['kind']}, peak score {event['peak']['score']}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    host, port, prefix = (*sys.argv[1:], "uniad")[:3]
    subscribe.callback(print_event, f"{prefix}/+/event", qos=1, hostname=host, port=int(port))
