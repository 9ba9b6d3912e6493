/* A Modbus server that this project did not write: libmodbus, told what to serve on its command line.
 *
 *     libmodbus_server tcp | tcp:PORT | PATH  UNIT  [log:FILE]  clock | FUNCTION:ADDRESS:WORD,WORD,...  ...
 *
 * On TCP it chooses a port, unless told one, and prints it first; on a serial port (9600 8N1) it prints
 * "ready". Registers that were not told are zero; functions are 3 and 4. With "clock" all registers hold
 * words that change each second. The log gets a line with the function code of each request, whatever it
 * asks for. It serves one connection at a time, as small devices do, and ends with its input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *log_file;
static int shows_clock;

static void *end_with_input(void *unused) {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    _exit(0);
    return unused;
}

static int learn(modbus_mapping_t *map, char *told) {
    char *rest;
    long function = strtol(told, &rest, 10);
    if (*rest != ':') return -1;
    long address = strtol(rest + 1, &rest, 10);
    if (*rest != ':') return -1;
    uint16_t *registers = function == 3 ? map->tab_registers : map->tab_input_registers;
    do {
        if (address > 65535) return -1;
        registers[address++] = (uint16_t)strtol(rest + 1, &rest, 10);
    } while (*rest == ',');
    return *rest ? -1 : 0;
}

/* The word that a register shows in a second of the clock: another in the next, and in any other. */
static uint16_t word_at(uint32_t second, uint32_t unit, uint32_t function, uint32_t address) {
    uint32_t mixed = second * 2654435761u + address * 40503u + unit * 4099u + function * 257u;
    mixed = (mixed ^ mixed >> 15) * 2246822519u;
    return (uint16_t)(mixed ^ mixed >> 13);
}

static void show_clock(modbus_mapping_t *map, uint8_t unit, const uint8_t *pdu) {
    uint32_t second = (uint32_t)time(NULL);
    long first = pdu[1] << 8 | pdu[2], count = pdu[3] << 8 | pdu[4];
    uint16_t *registers = pdu[0] == 3 ? map->tab_registers : map->tab_input_registers;
    for (long at = first; at < first + count && at <= 65535; at++) {
        registers[at] = word_at(second, unit, pdu[0], (uint32_t)at);
    }
}

static void serve(modbus_t *context, modbus_mapping_t *map) {
    int header = modbus_get_header_length(context);
    uint8_t query[MODBUS_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(context, query);
        if (length > 0) {
            const uint8_t *pdu = query + header;
            if (log_file) fprintf(log_file, "%d\n", pdu[0]);
            if (shows_clock && (pdu[0] == 3 || pdu[0] == 4)) show_clock(map, pdu[-1], pdu);
            modbus_reply(context, query, length, map);
        } else if (length < 0 && errno != EMBBADCRC && errno != ETIMEDOUT) {
            return;
        }
    }
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 65536, 65536);
    if (!map) return 1;
    for (int at = 3; at < count; at++) {
        if (!strcmp(arguments[at], "clock")) {
            shows_clock = 1;
        } else if (!strncmp(arguments[at], "log:", 4)) {
            log_file = fopen(arguments[at] + 4, "a");
            if (!log_file) return 1;
            setlinebuf(log_file);
        } else if (learn(map, arguments[at]) < 0) {
            return 2;
        }
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_with_input, NULL)) return 1;

    if (strncmp(arguments[1], "tcp", 3)) {
        modbus_t *context = modbus_new_rtu(arguments[1], 9600, 'N', 8, 1);
        modbus_set_slave(context, atoi(arguments[2]));
        if (modbus_connect(context) < 0) return 1;
        printf("ready\n");
        fflush(stdout);
        for (;;) serve(context, map);
    }
    modbus_t *context = modbus_new_tcp("127.0.0.1", arguments[1][3] == ':' ? atoi(arguments[1] + 4) : 0);
    modbus_set_slave(context, atoi(arguments[2]));
    int listener = modbus_tcp_listen(context, 1);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&address, &length)) return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        if (modbus_tcp_accept(context, &listener) >= 0) serve(context, map);
        modbus_close(context);
    }
}
