"""What a switch is: an Open vSwitch bridge, or Linux's own."""
