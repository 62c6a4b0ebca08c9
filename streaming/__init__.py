"""Live pictures: one packetised stream per camera stream, shared by all who look at it."""
