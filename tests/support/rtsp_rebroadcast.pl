# Edge: Debian's RTSP::Server (librtsp-server-perl) on loopback: FFmpeg pushes a stream in, viewers take it out by UDP.
# Prints one JSON line once it listens and ends when its standard input closes.
use strict;
use warnings;
use AnyEvent;
use IO::Socket::INET;
use RTSP::Server;

sub free_port {
    my $held = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die "no port: $!";
    return $held->sockport;
}

my ($viewers, $sources) = (free_port(), free_port());
my $server = RTSP::Server->new(
    log_level             => 0,
    client_listen_port    => $viewers,
    source_listen_port    => $sources,
    client_listen_address => '127.0.0.1',
    source_listen_address => '127.0.0.1',
    rtp_start_port        => 20_000 + 8 * ($$ % 2_500),
);
$server->listen;
$| = 1;
print qq({"viewers": $viewers, "sources": $sources, "version": "$RTSP::Server::VERSION"}\n);
my $end = AnyEvent->condvar;
my $watch = AnyEvent->io(fh => \*STDIN, poll => 'r', cb => sub { $end->send });
$end->recv;
