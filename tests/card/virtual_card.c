/* A sound card for tests: an ALSA ioplug PCM that keeps time by CLOCK_MONOTONIC.
 *
 *   pcm.phone_mic { type offhook_card  infile "mic.raw"  log "mic.log"  control "card.ctl"  ppm 50 }
 *   pcm.phone_ear { type offhook_card  outfile "ear.raw" log "ear.log"  control "card.ctl"
 *                   rate 48000  channels 2  format "S32_LE" }
 *
 * infile    what the microphone hears, raw, in the format that the PCM was opened with; a file that grows or a FIFO.
 *           Where it has nothing (yet) there is silence, and nothing is lost when it goes on.
 * outfile   where the loudspeaker's samples go, raw, one after the other; a file (appended to) or a FIFO.
 * ppm       error of the card's clock in parts per million, fractions allowed; positive is fast.
 * rate, channels, format   what the hardware can do; not given: 8000-48000 Hz, 1-2 channels, S16_LE and S32_LE.
 * control   a file of int32 that faults are ordered by (see struct control); read while the card runs.
 * log       text, one line an event, times in ns of CLOCK_MONOTONIC:
 *             open T / close T / prepare T / start T FILE_FRAME RATE CHANNELS FORMAT PERIOD BUFFER
 *             feed FILE_FRAME PCM_FRAME   (capture: from here on, file frame and frame since start march together)
 *             xrun T / gone T
 *
 * The position moves in steps of 1 ms, as the DMA of a real card does. Build:
 *   gcc -O2 -fPIC -shared -DPIC -o libasound_module_pcm_offhook_card.so virtual_card.c -lasound -lm
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct control {
    int32_t unplugged;   /* not 0: opening and every use fail with ENODEV */
    int32_t busy;        /* not 0: opening fails with EBUSY */
    int32_t xruns;       /* each change is one xrun of a running PCM */
    int32_t open_ms;     /* opening takes this long */
    int64_t heard;       /* written by the card: frames read from infile, where the next opening goes on */
};

struct card {
    snd_pcm_ioplug_t io;
    struct control *control;
    struct control none;
    int timer, file, log;
    char *path;
    double error;             /* of the clock, as a factor: 1 + ppm / 1e6 */
    double rate;              /* frames per second, the clock's error included */
    int64_t started;          /* ns, or 0 while it does not run */
    int64_t position, moved;  /* frames since prepare: by the clock, by the application */
    int64_t file_frames;      /* frames read from or written to the file */
    int32_t xruns_seen;
    size_t frame_bytes;
    int starved;
};

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void note(struct card *card, const char *format, ...)
{
    char line[256];
    va_list args;
    int length;
    if (card->log < 0)
        return;
    va_start(args, format);
    length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (write(card->log, line, (size_t)length) < 0)
        card->log = -1;
}

static int playback(const struct card *card) { return card->io.stream == SND_PCM_STREAM_PLAYBACK; }

/* Frames between the hardware and the application: queued to be played, or ready to be read. */
static int64_t between(const struct card *card)
{
    return playback(card) ? card->moved - card->position : card->position - card->moved;
}

/* Set the timer to when a period can next be moved; the fd stays readable from then until it is set again. */
static void arm(struct card *card)
{
    struct itimerspec when;
    int64_t at = 1;
    memset(&when, 0, sizeof when);
    if (card->started) {
        int64_t period = (int64_t)card->io.period_size;
        int64_t frame = playback(card) ? card->moved - (int64_t)card->io.buffer_size + period : card->moved + period;
        int64_t step = card->io.rate / 1000;
        frame = (frame + step - 1) / step * step;
        at = card->started + (int64_t)ceil((double)frame / card->rate * 1e9) + 20000;
    } else if (!playback(card) && !card->control->unplugged) {
        at = 0; /* a card that is gone wakes whoever polls */
    }
    if (at < 0)
        at = 1;
    when.it_value.tv_sec = at / 1000000000LL;
    when.it_value.tv_nsec = at % 1000000000LL;
    timerfd_settime(card->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static int on_start(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    if (card->control->unplugged)
        return -ENODEV;
    card->started = clock_ns();
    card->xruns_seen = card->control->xruns;
    note(card, "start %lld %lld %u %u %s %lu %lu\n", (long long)card->started,
         (long long)(card->file_frames - (playback(card) ? card->moved : 0)), io->rate,
         io->channels, snd_pcm_format_name(io->format), io->period_size, io->buffer_size);
    card->starved = 1;
    arm(card);
    return 0;
}

static int on_stop(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    card->started = 0;
    arm(card);
    return 0;
}

static int on_prepare(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    if (card->control->unplugged)
        return -ENODEV;
    card->started = card->position = card->moved = 0;
    card->frame_bytes = (size_t)snd_pcm_format_physical_width(io->format) / 8 * io->channels;
    note(card, "prepare %lld\n", (long long)clock_ns());
    arm(card);
    return 0;
}

static snd_pcm_sframes_t on_pointer(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    if (card->control->unplugged) {
        if (card->started)
            note(card, "gone %lld\n", (long long)clock_ns());
        card->started = 0;
        arm(card);
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
        return card->position % (int64_t)io->buffer_size;
    }
    if (card->started) {
        int64_t now = clock_ns();
        int64_t frame = (int64_t)((double)(now - card->started) * 1e-9 * card->rate + 0.5);
        int64_t room = playback(card) ? between(card) : (int64_t)io->buffer_size - between(card);
        frame -= frame % (io->rate / 1000);
        if (frame - card->position > room || card->xruns_seen != card->control->xruns) {
            if (io->state == SND_PCM_STATE_DRAINING) {
                frame = card->position + room;
            } else {
                card->xruns_seen = card->control->xruns;
                card->started = 0;
                note(card, "xrun %lld\n", (long long)now);
                return -EPIPE;
            }
        }
        if (frame > card->position)
            card->position = frame;
    }
    return card->position % (int64_t)io->buffer_size;
}

/* Open the file, which may appear late, and go on where the card was when it was last open. */
static void open_file(struct card *card)
{
    off_t end;
    if (card->file >= 0 || !card->path)
        return;
    if (playback(card)) {
        card->file = open(card->path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0600);
        end = card->file < 0 ? -1 : lseek(card->file, 0, SEEK_END);
        if (end > 0)
            card->file_frames = (int64_t)(end / (off_t)card->frame_bytes);
    } else {
        card->file = open(card->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (card->file >= 0 && lseek(card->file, card->control->heard * (off_t)card->frame_bytes, SEEK_SET) >= 0)
            card->file_frames = card->control->heard;
    }
}

static void read_file(struct card *card, char *to, size_t bytes, int64_t frame)
{
    size_t got = 0;
    while (card->file >= 0 && got < bytes) {
        ssize_t n = read(card->file, to + got, bytes - got);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (got && card->starved) {
        note(card, "feed %lld %lld\n", (long long)card->file_frames, (long long)frame);
        card->starved = 0;
    }
    card->file_frames += (int64_t)(got / card->frame_bytes);
    card->control->heard = card->file_frames;
    if (got < bytes) {
        memset(to + got, 0, bytes - got);
        card->starved = 1;
    }
}

static snd_pcm_sframes_t on_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                     snd_pcm_uframes_t offset, snd_pcm_uframes_t frames)
{
    struct card *card = io->private_data;
    char *at = (char *)areas->addr + (areas->first + areas->step * offset) / 8;
    size_t bytes = frames * card->frame_bytes;
    open_file(card);
    if (playback(card)) {
        if (card->file >= 0 && write(card->file, at, bytes) < 0 && errno != EAGAIN && errno != EPIPE)
            return -EIO;
        card->file_frames += (int64_t)frames;
    } else {
        read_file(card, at, bytes, card->moved);
    }
    card->moved += (int64_t)frames;
    arm(card);
    return (snd_pcm_sframes_t)frames;
}

static int on_poll(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *events)
{
    struct card *card = io->private_data;
    unsigned short ready = playback(card) ? POLLOUT : POLLIN;
    snd_pcm_sframes_t avail;
    (void)count;
    *events = 0;
    if (!(fds[0].revents & POLLIN))
        return 0;
    avail = snd_pcm_avail_update(io->pcm);
    if (avail < 0 || io->state == SND_PCM_STATE_DISCONNECTED)
        *events = POLLERR | ready;
    else if ((snd_pcm_uframes_t)avail >= io->period_size)
        *events = ready;
    else
        arm(card);
    return 0;
}

static int on_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay)
{
    struct card *card = io->private_data;
    snd_pcm_sframes_t position = on_pointer(io);
    if (position < 0)
        return (int)position;
    *delay = (snd_pcm_sframes_t)between(card);
    return 0;
}

static int on_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params)
{
    struct card *card = io->private_data;
    (void)params;
    card->rate = card->error * io->rate;
    return 0;
}

static int on_close(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    note(card, "close %lld\n", (long long)clock_ns());
    close(card->timer);
    if (card->file >= 0)
        close(card->file);
    if (card->log >= 0)
        close(card->log);
    if (card->control != &card->none)
        munmap(card->control, sizeof *card->control);
    free(card->path);
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = on_start, .stop = on_stop, .pointer = on_pointer, .transfer = on_transfer, .prepare = on_prepare,
    .poll_revents = on_poll, .delay = on_delay, .hw_params = on_hw_params, .close = on_close,
};

struct fields {
    const char *infile, *outfile, *log, *control, *format;
    double ppm;
    long rate, channels;
};

static int read_fields(snd_config_t *config, struct fields *fields)
{
    snd_config_iterator_t i, next;
    snd_config_for_each(i, next, config) {
        snd_config_t *node = snd_config_iterator_entry(i);
        const char *id;
        long whole;
        int bad = 0;
        if (snd_config_get_id(node, &id) < 0 || !strcmp(id, "comment") || !strcmp(id, "type") || !strcmp(id, "hint"))
            continue;
        if (!strcmp(id, "infile"))
            bad = snd_config_get_string(node, &fields->infile);
        else if (!strcmp(id, "outfile"))
            bad = snd_config_get_string(node, &fields->outfile);
        else if (!strcmp(id, "log"))
            bad = snd_config_get_string(node, &fields->log);
        else if (!strcmp(id, "control"))
            bad = snd_config_get_string(node, &fields->control);
        else if (!strcmp(id, "format"))
            bad = snd_config_get_string(node, &fields->format);
        else if (!strcmp(id, "rate"))
            bad = snd_config_get_integer(node, &fields->rate);
        else if (!strcmp(id, "channels"))
            bad = snd_config_get_integer(node, &fields->channels);
        else if (!strcmp(id, "ppm") && snd_config_get_integer(node, &whole) >= 0)
            fields->ppm = (double)whole;
        else if (!strcmp(id, "ppm"))
            bad = snd_config_get_real(node, &fields->ppm);
        else
            bad = -EINVAL;
        if (bad < 0) {
            SNDERR("field %s is unknown or of the wrong type", id);
            return bad;
        }
    }
    return 0;
}

static int set_limits(struct card *card, const struct fields *fields)
{
    static const unsigned int access[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
    unsigned int formats[] = {SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S32_LE};
    unsigned int rate = (unsigned int)fields->rate, channels = (unsigned int)fields->channels;
    snd_pcm_ioplug_t *io = &card->io;
    int error = 0, count = 2;
    if (fields->format) {
        snd_pcm_format_t format = snd_pcm_format_value(fields->format);
        if (format != SND_PCM_FORMAT_S16_LE && format != SND_PCM_FORMAT_S32_LE)
            return -EINVAL;
        formats[0] = (unsigned int)format;
        count = 1;
    }
    error |= snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access);
    error |= snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, (unsigned int)count, formats);
    error |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels ? channels : 1,
                                             channels ? channels : 2);
    error |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate ? rate : 8000, rate ? rate : 48000);
    error |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536);
    error |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 32);
    error |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 256, 262144);
    return error ? -EINVAL : 0;
}

static struct control *map_control(struct card *card, const char *path)
{
    void *page;
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return &card->none;
    page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? &card->none : page;
}

SND_PCM_PLUGIN_DEFINE_FUNC(offhook_card)
{
    struct fields fields = {0};
    struct card *card;
    const char *path;
    int error = read_fields(conf, &fields);
    (void)root;
    if (error < 0)
        return error;
    card = calloc(1, sizeof *card);
    if (!card)
        return -ENOMEM;
    card->control = map_control(card, fields.control);
    if (card->control->open_ms) {
        struct timespec pause = {card->control->open_ms / 1000, card->control->open_ms % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
    error = card->control->unplugged ? -ENODEV : card->control->busy ? -EBUSY : 0;
    if (error < 0) {
        if (card->control != &card->none)
            munmap(card->control, sizeof *card->control);
        free(card);
        return error;
    }
    path = stream == SND_PCM_STREAM_PLAYBACK ? fields.outfile : fields.infile;
    card->path = path ? strdup(path) : NULL;
    card->file = -1;
    card->log = fields.log ? open(fields.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    card->error = 1 + fields.ppm * 1e-6;
    card->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "offhook test card";
    card->io.callback = &callbacks;
    card->io.private_data = card;
    card->io.poll_fd = card->timer;
    card->io.poll_events = POLLIN;
    card->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC;
    note(card, "open %lld\n", (long long)clock_ns());
    error = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (error < 0) {
        on_close(&card->io);
        return error;
    }
    error = set_limits(card, &fields);
    if (error < 0) {
        snd_pcm_ioplug_delete(&card->io);
        return error;
    }
    *pcmp = card->io.pcm;
    return 0;
}

SND_PCM_PLUGIN_SYMBOL(offhook_card);
