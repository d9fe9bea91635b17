// Samples as a wav file of 16 bits, piece by piece: a long one is never in memory twice.

const FULL = 32767;

/** Samples of each channel, with full scale at 1, as one row of whole numbers. */
function toIntegers(channels, scale = 1) {
  const count = channels[0].length;
  const row = new Int16Array(count * channels.length);
  channels.forEach((samples, channel) => {
    for (let i = 0; i < count; i += 1) {
      row[i * channels.length + channel] = Math.round(Math.max(-1, Math.min(1, samples[i] * scale)) * FULL);
    }
  });
  return row;
}

/** The header of a wav file with so many bytes of samples; numbers lie the same way round as in the rows. */
function wavHeader(channels, rate, bytes) {
  const [RIFF, WAVE, FMT, DATA] = [0x46464952, 0x45564157, 0x20746d66, 0x61746164];
  const width = 2 * channels;
  const format = [16, (channels << 16) | 1, rate, rate * width, (16 << 16) | width];
  return Uint32Array.of(RIFF, 36 + bytes, WAVE, FMT, ...format, DATA, bytes);
}

/** A wav file of rows of whole numbers. */
function wavFile(rows, channels, rate, name) {
  const bytes = rows.reduce((sum, row) => sum + row.byteLength, 0);
  return new File([wavHeader(channels, rate, bytes), ...rows], name, { type: 'audio/wav' });
}
