#!/usr/bin/perl
# MIME::Tools' reading of messages, one line of JSON for each path on standard
# input; the fields are those of record.py.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use MIME::Parser;
use MIME::WordDecoder;

$| = 1;
$SIG{__WARN__} = sub { };    # unknown charsets; the result tells
my $json = JSON::PP->new->utf8->canonical;
my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->tmp_to_core(1);
$parser->extract_nested_messages('NEST');
$parser->extract_uuencode(0);
$parser->ignore_errors(1);

# Bytes of a header: UTF-8 or Windows-1252, as lib/mail reads them.
sub guess {
    my ($bytes) = @_;
    my $copy = $bytes;
    return $bytes if utf8::is_utf8($bytes);
    return $copy if utf8::decode($copy);
    return Encode::decode('cp1252', $bytes);
}

sub words {
    my ($value) = @_;
    return undef unless defined $value;
    $value =~ s/[\r\n]//g;
    $value = $value =~ /=\?/ ? mime_to_perl_string($value) : guess($value);
    return $value;
}

sub walk {
    my ($entity, $out) = @_;
    my $head = $entity->head;
    my @parts = $entity->parts;
    my $disposition = $head->mime_attr('content-disposition') // '';
    my %part = (
        type => lc($head->mime_type),
        leaf => @parts ? JSON::PP::false : JSON::PP::true,
        name => words($head->recommended_filename),
        disposition => lc($disposition =~ s/\s//gr),
        encoding => $head->mime_encoding // '',
    );
    if (!@parts && $entity->bodyhandle) {
        $part{body} = encode_base64($entity->bodyhandle->as_string // '', '');
    }
    push @$out, \%part;
    walk($_, $out) for @parts;
}

while (my $path = <STDIN>) {
    chomp $path;
    my %message = (file => $path, parts => [], error => '');
    my $entity = eval { $parser->parse_open($path) };
    if ($entity) {
        walk($entity, $message{parts});
        my $subject = $entity->head->get('subject');
        $message{subject} = words($subject);
    } else {
        $message{error} = "$@" || 'no entity';
    }
    my $line = eval { $json->encode(\%message) };
    $line = $json->encode({ file => $path, error => "$@" }) unless $line;
    print "$line\n";
    $parser->filer->purge;
}
