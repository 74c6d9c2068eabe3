//! The protocol against what official releases wrote, and against bytes that nobody should write.

#![cfg(test)]

mod any_body_survives_its_printing;
mod any_bytes_are_a_frame_or_an_error;
mod compressed_registrations_are_those_of_java;
mod config_files_of_brokers_are_read_and_printed_as_they_were;
mod every_code_of_the_releases_is_known;
mod every_header_class_of_the_releases_is_covered;
mod frames_survive_any_split;
mod recorded;
mod recorded_bodies_survive_reading_and_printing;
mod recorded_frames_decode_and_encode_again;
mod recorded_headers_become_structs_and_fields_again;
mod recorded_messages_survive_decoding_and_encoding;
mod support;
