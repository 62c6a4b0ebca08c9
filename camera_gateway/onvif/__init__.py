"""Pure: ONVIF devices seen from our side: safe XML, envelopes, the auth ladder, clock and facts."""
